//go:build !unix

package testserver

import (
	"errors"
	"os/exec"
	"syscall"
)

// Elsewhere no server can be started: the watchdog needs a shell.

func inNewSession(*exec.Cmd) {}

func runAs(*exec.Cmd, uint32) {}

func kill(int, syscall.Signal) error {
	return errors.New("testserver: signals need a Unix system")
}
