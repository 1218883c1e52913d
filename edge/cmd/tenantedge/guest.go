package main

import "github.com/spf13/cobra"

func guestCommand() *cobra.Command {
	return group(&cobra.Command{
		Use:   "guest",
		Short: "Write, build and test a guest",
		Long: text(`
			A guest is a WebAssembly module that decides which tenant a request is for. It can
			be written in any language that compiles to WebAssembly.
		`),
		Example: text(`
			  tenantedge guest test guest.wasm cases.yaml
		`),
	}, guestTestCommand())
}
