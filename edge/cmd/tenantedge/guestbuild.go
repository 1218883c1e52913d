package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/signal"
	"path/filepath"
	"syscall"

	"github.com/spf13/cobra"

	"github.com/tenantedge/tenantedge/edge"
	"github.com/tenantedge/tenantedge/edge/config"
	"github.com/tenantedge/tenantedge/edge/internal/cases"
	"github.com/tenantedge/tenantedge/edge/internal/scaffold"
	"github.com/tenantedge/tenantedge/edge/serve"
	"github.com/tenantedge/tenantedge/edge/stats"
	"github.com/tenantedge/tenantedge/edge/websocket"
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
			tenantedge.yaml in DIR, if there is one. Its database, secrets and tenants are not
			used.
		`),
		Example: text(`
			  tenantedge guest build
			  tenantedge guest build myguest
		`),
		Args: argCount("at most one DIR", 0, 1),
		RunE: func(c *cobra.Command, args []string) error {
			// Ctrl-C ends the compiler too, which is in a process group of its own.
			ctx, stop := signal.NotifyContext(c.Context(), os.Interrupt, syscall.SIGTERM)
			defer stop()
			if err := buildGuest(ctx, projectDir(args), c.OutOrStdout(), c.ErrOrStderr()); err != nil {
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
	file, err := projectConfig(filepath.Join(dir, configName))
	if err != nil {
		return err
	}
	loaded, err := loadGuest(ctx, file, wasm)
	if err != nil {
		return file.LocateGuestError(err)
	}
	fuel := loaded.Engine.SetupFuel
	_, err = fmt.Fprintf(stdout, "%s: %s bytes; a host accepts it; fuel: %s to initialize, %s to configure, %s for its self-test\n",
		filepath.Join(dir, scaffold.Output), thousands(len(wasm)), thousands(fuel.Initialize), thousands(fuel.Configure), thousands(fuel.SelfTest))
	return err
}

// configName is the configuration in a project.
const configName = "tenantedge.yaml"

// projectConfig returns the configuration of a project, which may have none.
func projectConfig(path string) (*config.File, error) {
	file, err := config.Load(path)
	if errors.Is(err, fs.ErrNotExist) {
		return defaultConfig()
	}
	return file, err
}

func defaultConfig() (*config.File, error) {
	return config.Parse("default", []byte("tenants: {public: {}, default: {}}\n"))
}

// loadGuest loads a guest as serve does, without a directory, servers and secrets. It
// removes them from file.
func loadGuest(ctx context.Context, file *config.File, wasm []byte) (loaded stats.Host, err error) {
	cases.Detach(file)
	parts, err := serve.Open(file, serve.Options{Logger: quietLogger(), Guest: wasm})
	if err != nil {
		return loaded, err
	}
	defer func() { err = errors.Join(err, parts.Close()) }()
	parts.Config.Websockets = websocket.Config{}
	host, err := edge.New(ctx, parts.Config)
	if err != nil {
		return loaded, err
	}
	return host.Stats(), host.Close()
}
