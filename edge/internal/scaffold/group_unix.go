//go:build unix

package scaffold

import (
	"os/exec"
	"syscall"
)

// group puts the command and the programs that it starts into a process group of
// their own, which is asked to end when the command is canceled: make, cargo and npm
// do not end their compilers. killRest kills what still runs of the group.
func group(cmd *exec.Cmd) (killRest func()) {
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	cmd.Cancel = func() error { return syscall.Kill(-cmd.Process.Pid, syscall.SIGTERM) }
	return func() {
		if cmd.Process != nil {
			_ = syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) // an error: all have ended
		}
	}
}
