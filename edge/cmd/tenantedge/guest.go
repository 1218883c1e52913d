package main

import "github.com/spf13/cobra"

func guestCommand() *cobra.Command {
	return group(&cobra.Command{
		Use:   "guest",
		Short: "Write, build and test a guest",
	}, guestTestCommand())
}
