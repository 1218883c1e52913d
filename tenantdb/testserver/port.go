package testserver

import (
	"fmt"
	"math/rand/v2"
	"net"
	"strconv"
)

// The ports are below those that systems give to clients, which begin at 32768 on
// Linux and at 49152 elsewhere: a client of another test could take such a port
// before the server starts or restarts.
const (
	firstPort = 10_000
	lastPort  = 32_000
	portTries = 100
)

// freePort returns a TCP port of 127.0.0.1 that is not in use.
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
