// Package freeport finds ports for servers that tests start as processes of
// their own, and start again at the same address after they were killed:
//
//	port, err := freeport.Find()
package freeport

import (
	"fmt"
	"math/rand/v2"
	"net"
	"strconv"
)

// Systems give clients ports from 32768 on (Linux) or 49152 on. While other
// tests connect to their servers by the thousand, a port from there that is
// free now may be a client's when the server starts, or starts again.
const (
	first = 10_000
	last  = 32_000
	tries = 100
)

// Find returns a TCP port on 127.0.0.1 that nobody listens at.
func Find() (port int, err error) {
	for range tries {
		port = first + rand.IntN(last-first)
		var l net.Listener
		if l, err = net.Listen("tcp", net.JoinHostPort("127.0.0.1", strconv.Itoa(port))); err == nil {
			return port, l.Close()
		}
	}
	return 0, fmt.Errorf("freeport: expected one of %d ports from %d to %d to be free: %w", tries, first, last-1, err)
}
