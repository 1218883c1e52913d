//go:build unix

package testserver

import (
	"os/exec"
	"syscall"
)

// inNewSession makes the process of c the leader of a new session, so that an
// interrupt from the terminal does not reach it.
func inNewSession(c *exec.Cmd) { c.SysProcAttr = &syscall.SysProcAttr{Setsid: true} }

// runAs makes the process of c run as a user, whose id is also that of the group.
func runAs(c *exec.Cmd, user uint32) {
	c.SysProcAttr.Credential = &syscall.Credential{Uid: user, Gid: user, NoSetGroups: true}
}

func kill(pid int, signal syscall.Signal) error { return syscall.Kill(pid, signal) }
