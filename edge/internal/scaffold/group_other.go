//go:build !unix

package scaffold

import "os/exec"

// group does nothing: only the command itself is ended on this system.
func group(*exec.Cmd) (killRest func()) { return func() {} }
