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
	"github.com/tenantedge/tenantedge/edge/internal/artifact"
	"github.com/tenantedge/tenantedge/edge/internal/inspect"
	"github.com/tenantedge/tenantedge/edge/internal/signature"
	"github.com/tenantedge/tenantedge/guest/abi"
)

type guestInspectOptions struct {
	config string
	json   bool
}

func guestInspectCommand() *cobra.Command {
	var o guestInspectOptions
	c := &cobra.Command{
		Use:   "inspect GUEST.wasm",
		Short: "Show what a guest consists of, and why it is refused",
		Long: text(`
			inspect describes a WebAssembly module as the host sees it: the toolchain that
			built it, its exports and imports, the functions of the contract that it lacks and
			what the host does instead, the sizes of its sections and largest functions, and
			what the meter adds, by which the host counts and bounds the guest's work.

			It then loads the guest as serve does: in a child process, in which the guest is
			configured, tests itself and answers made-up requests. The fuel of these calls is
			exact, and the same on every machine. The limits and the guest's settings are those
			of --config, or of tenantedge.yaml in the folder of the guest, if there is one.
			If that file has guest.trusted_keys, the signature in GUEST.wasm.minisig is verified
			too. A guest in a registry, oci://registry/name:tag, has its signature there.
			inspect describes guests without a valid signature as well.

			The report ends with the reason, if the host refuses the guest; the exit status is
			then 1. With --json, inspect writes one object, in which "refusal" is the reason.
		`),
		Example: text(`
			  tenantedge guest inspect guest.wasm
			  tenantedge guest inspect guest.wasm --config tenantedge.yaml
			  tenantedge guest inspect guest.wasm --json | jq .setup.fuel
		`),
		Args: exactArgs("GUEST.wasm"),
		ValidArgsFunction: func(*cobra.Command, []string, string) ([]string, cobra.ShellCompDirective) {
			return []string{"wasm"}, cobra.ShellCompDirectiveFilterFileExt
		},
		RunE: func(c *cobra.Command, args []string) error {
			return o.run(c.Context(), c.OutOrStdout(), args[0])
		},
	}
	configFlag(c, &o.config)
	c.Flags().Lookup("config").Usage = "configuration `FILE`; default: tenantedge.yaml in the folder of the guest"
	c.Flags().BoolVar(&o.json, "json", false, "write JSON")
	return c
}

func (o *guestInspectOptions) run(ctx context.Context, out io.Writer, path string) error {
	load, at := config.Load, o.config
	if at == "" { // a registry has no such file
		load, at = projectConfig, filepath.Join(filepath.Dir(path), configName)
	}
	file, err := load(at)
	if err != nil {
		return fmt.Errorf("guest inspect: %w", err)
	}
	guest, err := readSigned(ctx, path, "", registryOf(file))
	if err != nil {
		return fmt.Errorf("guest inspect: %w", err)
	}
	r := inspect.Module(guest.Wasm)
	r.File = path
	if info, err := os.Stat(path); err == nil {
		r.Bytes = int(info.Size())
	}
	if r.Signature, err = describeSignature(file.Guest, guest); err != nil {
		return fmt.Errorf("guest inspect: %w", err)
	}
	switch loaded, err := loadGuest(ctx, file, guest.Wasm); {
	case err == nil:
		r.Setup = &inspect.Setup{ABI: abi.Version, Name: loaded.Guest.Name, Version: loaded.Guest.Version, Fuel: loaded.Engine.SetupFuel, ImageBytes: loaded.Engine.ImageBytes}
	case errors.Is(err, edge.ErrGuestRefused):
		r.Refusal = err.Error()
	default:
		return err
	}
	if err := o.write(out, r); err != nil {
		return err
	}
	if r.Refusal != "" {
		return fmt.Errorf("guest inspect: the host refuses %s", path)
	}
	return nil
}

// describeSignature returns who signed a guest, or why its signature is not valid. It
// is empty if no keys are trusted.
func describeSignature(trusted config.Guest, g artifact.Guest) (string, error) {
	if len(trusted.TrustedKeys) == 0 {
		return "", nil
	}
	keys, err := signature.ParseKeys(trusted.TrustedKeys)
	if err != nil {
		return "", err
	}
	signed, err := verifySigned(keys, g)
	if err != nil {
		return "not verified: " + err.Error(), nil
	}
	return "by the trusted key " + signed.KeyID, nil
}

func (o *guestInspectOptions) write(out io.Writer, r *inspect.Report) error {
	if !o.json {
		return writeInspected(out, r)
	}
	enc := newEncoder(out)
	enc.SetEscapeHTML(false)
	enc.SetIndent("", "  ")
	return enc.Encode(r)
}
