//go:build unix

package serve

import (
	"net"
	"syscall"

	"golang.org/x/sys/unix"
)

// unread reports whether the connection has bytes to read.
func unread(conn net.Conn) bool {
	raw := rawOf(conn)
	if raw == nil {
		return false
	}
	found := false
	err := raw.Control(func(fd uintptr) {
		n, _, err := unix.Recvfrom(int(fd), make([]byte, 1), unix.MSG_PEEK|unix.MSG_DONTWAIT)
		found = err == nil && n > 0
	})
	return err == nil && found
}

// rawOf returns the socket of a connection, also of one with TLS, or nil.
func rawOf(conn net.Conn) syscall.RawConn {
	for {
		under, ok := conn.(interface{ NetConn() net.Conn })
		if !ok {
			break
		}
		conn = under.NetConn()
	}
	s, ok := conn.(syscall.Conn)
	if !ok {
		return nil
	}
	raw, err := s.SyscallConn()
	if err != nil {
		return nil
	}
	return raw
}
