//go:build !unix

package serve

import "net"

// unread reports false: this system cannot peek at a socket.
func unread(net.Conn) bool { return false }
