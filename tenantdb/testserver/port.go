package testserver

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
	firstPort = 10_000
	lastPort  = 32_000
	portTries = 100
)

// freePort returns a TCP port on 127.0.0.1 that nobody listens at.
func freePort() (port int, err error) {
	for range portTries {
		port = firstPort + rand.IntN(lastPort-firstPort)
		var l net.Listener
		if l, err = net.Listen("tcp", net.JoinHostPort("127.0.0.1", strconv.Itoa(port))); err == nil {
			return port, l.Close()
		}
	}
	return 0, fmt.Errorf("expected one of %d ports from %d to %d to be free: %w", portTries, firstPort, lastPort-1, err)
}
