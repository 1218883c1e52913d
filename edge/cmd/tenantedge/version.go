package main

import (
	"cmp"
	"fmt"
	"runtime"
	"runtime/debug"

	"github.com/spf13/cobra"

	"github.com/tenantedge/tenantedge/edge"
	"github.com/tenantedge/tenantedge/edge/config"
	"github.com/tenantedge/tenantedge/edge/serve"
)

func newVersion() *cobra.Command {
	return &cobra.Command{
		Use:   "version",
		Short: "Print the versions of tenantedge, Go, wazero and the guest",
		Long: text(`
			version prints the versions of this program and its parts. The digest is the SHA-256
			of the built-in guest, which a configuration may replace (guest.path).
		`),
		Example: "  tenantedge version",
		Args:    noArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			parts, err := serve.Open(&config.File{}, serve.Options{Logger: quietLogger()})
			if err != nil {
				return err
			}
			defer func() { _ = parts.Close() }() // the process ends
			host, err := edge.New(c.Context(), parts.Config)
			if err != nil {
				return err
			}
			defer func() { _ = host.Close() }() // the process ends
			guest := host.Stats().Guest
			module, wazero := moduleVersions()
			_, err = fmt.Fprintf(c.OutOrStdout(), "tenantedge %s\ngo         %s %s/%s\nwazero     %s\nguest      %s %s\n           sha256 %s\n",
				module, runtime.Version(), runtime.GOOS, runtime.GOARCH, wazero, guest.Name, guest.Version, guest.Digest)
			return err
		},
	}
}

const wazeroModule = "github.com/tetratelabs/wazero"

// version is set by the linker in released binaries; see make release.
var version string

// moduleVersions returns the versions of this program and of wazero, from the
// build information unless version is set.
func moduleVersions() (module, wazero string) {
	module, wazero = cmp.Or(version, "unknown"), "unknown"
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return module, wazero
	}
	module = cmp.Or(version, info.Main.Version, module)
	for _, d := range info.Deps {
		if d.Path == wazeroModule {
			wazero = d.Version
			if d.Replace != nil {
				wazero = d.Replace.Version
			}
		}
	}
	return module, wazero
}
