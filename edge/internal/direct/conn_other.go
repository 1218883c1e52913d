//go:build !linux || race

package direct

import "net"

// Wrap returns c.
func Wrap(c net.Conn) net.Conn { return c }

// Unwrap returns c.
func Unwrap(c net.Conn) net.Conn { return c }
