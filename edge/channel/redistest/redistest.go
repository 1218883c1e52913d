//go:build unix

// Package redistest gives tests a real Redis: a private server on a free
// loopback port, without persistence, and gone when the test process is,
// however that ends.
//
//	server := redistest.Start(t) // one server for all tests of the process
//	layer, err := redis.NewCore(redis.Config{Hosts: []string{server.URL()}, Prefix: redistest.Prefix()})
//
// A test that stops or kills the server takes [StartOwn]. The server's program
// is found on PATH; without it the test fails, because a test that is skipped
// proves nothing.
package redistest

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/tenantedge/tenantedge/internal/freeport"
)

const (
	// nobody is the user that a server started by root runs as.
	nobody = 65534
	// patience is how long a server may take to start or stop on a busy machine.
	patience = 60 * time.Second
)

// Server is a running Redis.
type Server struct {
	program, dir string
	port         int

	mu      sync.Mutex
	process *exec.Cmd
	pipe    io.Closer     // ends the server when this process is gone
	exited  chan struct{} // closed when process has ended
	log     bytes.Buffer
}

var (
	first  = sync.OnceValues(newServer)
	second = sync.OnceValues(newServer)
	prefix atomic.Int64
)

// Start returns the server that all tests of this process share.
func Start(tb testing.TB) *Server { return must(tb, first) }

// StartTwo returns that server and a further one, for sharded layers.
func StartTwo(tb testing.TB) [2]*Server { return [2]*Server{must(tb, first), must(tb, second)} }

func must(tb testing.TB, start func() (*Server, error)) *Server {
	tb.Helper()
	s, err := start()
	if err != nil {
		tb.Fatal(err)
	}
	return s
}

// StartOwn returns a server of the test's own, which it may stop and kill.
func StartOwn(tb testing.TB) *Server {
	tb.Helper()
	s := must(tb, newServer)
	tb.Cleanup(func() { s.Kill(tb) })
	return s
}

// Prefix returns a prefix for keys that no other test of this process has.
func Prefix() string { return fmt.Sprintf("test%d:", prefix.Add(1)) }

func newServer() (*Server, error) {
	program, err := exec.LookPath("redis-server")
	if err != nil {
		return nil, errors.New("redistest: no redis-server on PATH; run `make test`, which installs Debian's package")
	}
	s := &Server{program: program, dir: os.TempDir()}
	for range 3 { // another process may take the port between asking and using
		if s.port, err = freeport.Find(); err != nil {
			return nil, err
		}
		if err = s.start(); err == nil {
			return s, nil
		}
	}
	return nil, err
}

// guard runs the server and kills it when its own input ends, which is when the
// test process does. What it waits for the end with holds none of its outputs,
// so that they end with the server.
const guard = `"$@" </dev/null &
server=$!
exec 3<&0
(cat <&3; kill -9 $server) >/dev/null 2>&1 &
watch=$!
exec 3<&- </dev/null
echo "pid $server"
wait $server
kill $watch`

// start starts the server and waits until it takes connections.
func (s *Server) start() error {
	c := exec.Command("/bin/sh", "-c", guard, "redistest-guard", s.program,
		"--bind", "127.0.0.1", "--port", strconv.Itoa(s.port), "--dir", s.dir,
		"--save", "", "--appendonly", "no", "--daemonize", "no")
	c.SysProcAttr = &syscall.SysProcAttr{Setsid: true} // an interrupt of the tests is not meant for it
	if os.Getuid() == 0 {
		c.SysProcAttr.Credential = &syscall.Credential{Uid: nobody, Gid: nobody, NoSetGroups: true}
	}
	pipe, err := c.StdinPipe()
	if err != nil {
		return fmt.Errorf("redistest: %w", err)
	}
	output, err := c.StdoutPipe()
	if err != nil {
		return fmt.Errorf("redistest: %w", err)
	}
	if err := c.Start(); err != nil {
		return fmt.Errorf("redistest: %w", err)
	}
	ready, exited := make(chan struct{}), make(chan struct{})
	go s.follow(c, output, ready, exited)
	s.mu.Lock()
	s.process, s.pipe, s.exited = c, pipe, exited
	s.mu.Unlock()
	select {
	case <-ready:
		return nil
	case <-exited:
		return fmt.Errorf("redistest: the server ended at start:\n%s", s.Log())
	case <-time.After(patience):
		return errors.Join(fmt.Errorf("redistest: the server is not ready after %v:\n%s", patience, s.Log()), s.end(syscall.SIGKILL))
	}
}

// follow keeps the server's log, and says when it is ready and has ended.
func (s *Server) follow(c *exec.Cmd, output io.Reader, ready, exited chan struct{}) {
	defer close(exited)
	lines := bufio.NewScanner(output)
	for told := false; lines.Scan(); {
		s.mu.Lock()
		s.log.WriteString(lines.Text() + "\n")
		s.mu.Unlock()
		if !told && strings.Contains(lines.Text(), "Ready to accept connections") {
			told = true
			close(ready)
		}
	}
	_ = c.Wait() // how it ended is in its log
}

// PID returns the process id of the server.
func (s *Server) PID() (int, error) {
	log := s.Log()
	at := strings.LastIndex(log, "pid ")
	for ; at > 0 && log[at-1] != '\n'; at = strings.LastIndex(log[:at], "pid ") {
	}
	if at < 0 {
		return 0, fmt.Errorf("redistest: no process in the log:\n%s", log)
	}
	line, _, _ := strings.Cut(log[at+len("pid "):], "\n")
	return strconv.Atoi(line)
}

// end stops the server by a signal, if it runs.
func (s *Server) end(signal syscall.Signal) error {
	s.mu.Lock()
	exited := s.exited
	s.mu.Unlock()
	select {
	case <-exited:
		return nil
	default:
	}
	pid, err := s.PID()
	if err == nil {
		err = syscall.Kill(pid, signal)
	}
	if err != nil && !errors.Is(err, syscall.ESRCH) {
		return fmt.Errorf("redistest: %w", err)
	}
	select {
	case <-exited:
		return nil
	case <-time.After(patience):
		return fmt.Errorf("redistest: the server still runs after %v", patience)
	}
}

// Stop shuts the server down in order.
func (s *Server) Stop(tb testing.TB) {
	tb.Helper()
	if err := s.end(syscall.SIGTERM); err != nil {
		tb.Fatal(err)
	}
}

// Kill ends the server as a crash does.
func (s *Server) Kill(tb testing.TB) {
	tb.Helper()
	if err := s.end(syscall.SIGKILL); err != nil {
		tb.Fatal(err)
	}
}

// Restart starts the server again after Stop or Kill, at the same address and
// empty.
func (s *Server) Restart(tb testing.TB) {
	tb.Helper()
	if err := s.start(); err != nil {
		tb.Fatal(err)
	}
}

// Log returns what the server has logged.
func (s *Server) Log() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.log.String()
}

// URL returns how to reach the server.
func (s *Server) URL() string { return fmt.Sprintf("redis://127.0.0.1:%d/0", s.port) }
