// Package redistest starts a Redis server for tests, on a free loopback port
// and without persistence. The server ends with the test process, however that
// ends.
//
//	server := redistest.Start(t) // one server for all tests of the process
//	layer, err := redis.NewCore(redis.Config{Hosts: []string{server.URL()}, Prefix: redistest.Prefix()})
//
// A test that stops or kills the server uses [StartOwn]. Without redis-server
// on PATH, tests fail; they are not skipped.
package redistest

import (
	"errors"
	"fmt"
	"os/exec"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/tenantedge/tenantedge/tenantdb/testserver"
)

// Server is a running Redis. It is empty after a restart.
type Server struct{ *testserver.Server }

var (
	first  = sync.OnceValues(newServer)
	second = sync.OnceValues(newServer)
	prefix atomic.Int64
)

// Start returns a server that all tests of the process share.
func Start(tb testing.TB) *Server {
	tb.Helper()
	return testserver.Must(tb, first)
}

// StartTwo returns that server and a second one, for layers with several hosts.
func StartTwo(tb testing.TB) [2]*Server {
	tb.Helper()
	return [2]*Server{testserver.Must(tb, first), testserver.Must(tb, second)}
}

// StartOwn returns a server for one test, which may stop and kill it.
func StartOwn(tb testing.TB) *Server {
	tb.Helper()
	return testserver.Own(tb, newServer)
}

// Prefix returns a prefix for keys that is unique in the process.
func Prefix() string { return fmt.Sprintf("test%d:", prefix.Add(1)) }

func newServer() (*Server, error) {
	program, err := exec.LookPath("redis-server")
	if err != nil {
		return nil, errors.New("redistest: expected redis-server on PATH, found none; run `make test`, which installs Debian's package")
	}
	s, err := testserver.Start(testserver.Config{
		Name: "redistest",
		Command: func(s *testserver.Server) *exec.Cmd {
			return s.Command(program, "--bind", "127.0.0.1", "--port", strconv.Itoa(s.Port()), "--dir", s.Dir(),
				"--save", "", "--appendonly", "no", "--daemonize", "no")
		},
		Ready: func(_ *testserver.Server, log string) bool {
			return strings.Contains(log, "Ready to accept connections")
		},
	})
	if err != nil {
		return nil, err
	}
	return &Server{s}, nil
}

// URL returns the server's URL.
func (s *Server) URL() string { return fmt.Sprintf("redis://127.0.0.1:%d/0", s.Port()) }
