package main

import (
	"os"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"
)

func guestCommand() *cobra.Command {
	return group(&cobra.Command{
		Use:   "guest",
		Short: "Write, build and test a guest",
		Long: text(`
			A guest is a WebAssembly module that decides which tenant a request is for. It can
			be written in any language that compiles to WebAssembly.

			guest new creates a project, guest dev builds and serves it, and again after each
			change. guest inspect shows why a guest does not load, guest test whether it decides
			as expected, and guest replay what it would have decided about recorded requests.
			guest sign signs a guest, so that edges with guest.trusted_keys accept it. guest push
			stores it in an OCI registry, and guest list shows what is there. guest
			rollout sends it to a running edge, at once or as a trial. What a guest can do is
			described at
			https://github.com/tenantedge/tenantedge/blob/main/guest/README.md.
		`),
		Example: text(`
			  tenantedge guest new myguest
			  cd myguest
			  tenantedge guest dev
		`),
	}, guestNewCommand(), guestBuildCommand(), guestInspectCommand(), guestTestCommand(), guestReplayCommand(), guestDevCommand(),
		guestKeygenCommand(), guestSignCommand(), guestVerifyCommand(), guestPushCommand(), guestListCommand(),
		guestRolloutCommand(), guestPromoteCommand(), guestAbortCommand(), guestRollbackCommand(), guestStatusCommand())
}

// programName returns how the user started this program, as it also works in
// another folder.
func programName() string {
	name := os.Args[0]
	if strings.ContainsRune(name, filepath.Separator) {
		if abs, err := filepath.Abs(name); err == nil {
			return abs
		}
	}
	return name
}

// projectDir returns the folder of a project that the arguments name.
func projectDir(args []string) string {
	if len(args) == 0 {
		return "."
	}
	return args[0]
}
