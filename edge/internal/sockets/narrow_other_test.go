//go:build !linux

package sockets

import "syscall"

// narrow does nothing on this system.
func narrow(string, string, syscall.RawConn) error { return nil }
