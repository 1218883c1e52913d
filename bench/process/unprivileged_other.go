//go:build !unix

package process

import "os/exec"

// Unprivileged does nothing: this system has no root.
func Unprivileged(*exec.Cmd) {}

// GiveToUnprivileged does nothing.
func GiveToUnprivileged(string) error { return nil }
