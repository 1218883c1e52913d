package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"github.com/spf13/cobra"

	"github.com/tenantedge/tenantedge/edge"
	"github.com/tenantedge/tenantedge/edge/config"
	"github.com/tenantedge/tenantedge/edge/internal/scaffold"
	"github.com/tenantedge/tenantedge/edge/stats"
)

func guestBuildCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "build [DIR]",
		Short: "Build a guest and try it",
		Long: text(`
			build compiles the project in DIR (default: the current folder) to guest.wasm, and
			prints the command that it runs. The files of the project decide which one:

			  go.mod                 go build, or tinygo build if there is a tinygo.json
			  Cargo.toml             cargo build
			  asconfig.json          npm install, if necessary, and asc
			  main.c                 clang
			  main.zig               zig build-exe
			  Makefile               make guest.wasm, if it has a rule for that

			Then it tries the guest as serve does before it accepts one: a child process loads,
			configures and tests it, and has it answer made-up requests. The configuration is
			tenantedge.yaml in DIR, if there is one.
		`),
		Example: text(`
			  tenantedge guest build
			  tenantedge guest build myguest
		`),
		Args: atMostOneDir,
		RunE: func(c *cobra.Command, args []string) error {
			if err := buildGuest(c.Context(), projectDir(args), c.OutOrStdout(), c.ErrOrStderr()); err != nil {
				return fmt.Errorf("guest build: %w", err)
			}
			return nil
		},
	}
}

func buildGuest(ctx context.Context, dir string, stdout, stderr io.Writer) error {
	project, err := scaffold.Open(dir)
	if err != nil {
		return err
	}
	wasm, err := project.Build(ctx, stderr)
	if err != nil {
		return err
	}
	loaded, err := tryGuest(ctx, dir, wasm)
	if err != nil {
		return err
	}
	fuel := loaded.Engine.SetupFuel
	_, err = fmt.Fprintf(stdout, "%s: %s; a host accepts it; fuel: %d to initialize, %d to configure, %d for its self-test\n",
		filepath.Join(dir, scaffold.Output), megabytes(len(wasm)), fuel.Initialize, fuel.Configure, fuel.SelfTest)
	return err
}

// tryGuest loads a guest as serve does, with the configuration of its project.
func tryGuest(ctx context.Context, dir string, wasm []byte) (loaded stats.Host, err error) {
	file := &config.File{}
	path := filepath.Join(dir, configName)
	if _, err := os.Stat(path); err == nil {
		if file, err = config.Load(path); err != nil {
			return loaded, err
		}
	}
	file.Guest.Path = ""
	parts, err := openLoaded(ctx, file, quietLogger())
	if err != nil {
		return loaded, err
	}
	defer func() { err = errors.Join(err, parts.Close()) }()
	parts.Config.Guest = wasm
	host, err := edge.New(ctx, parts.Config)
	if err != nil {
		return loaded, parts.Locate(err)
	}
	return host.Stats(), host.Close()
}

// configName is the configuration in a project.
const configName = "tenantedge.yaml"

func megabytes(n int) string {
	if n < 1e5 {
		return fmt.Sprintf("%d bytes", n)
	}
	return fmt.Sprintf("%.2f MB", float64(n)/1e6)
}
