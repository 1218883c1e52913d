// Package testserver runs the servers that tests need: each a process of its
// own, on a free loopback port and in a folder of its own, and both gone when
// the test process is, however that ends.
//
//	server, err := testserver.Start(testserver.Config{
//		Name: "redis",
//		Command: func(s *testserver.Server) *exec.Cmd {
//			return s.Command("redis-server", "--port", strconv.Itoa(s.Port()))
//		},
//		Ready: func(s *testserver.Server, log string) bool { return strings.Contains(log, "Ready") },
//	})
//
// Packages for one kind of server stand on it: pgtest, redistest, s3test.
package testserver

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"syscall"
	"testing"
	"time"
)

const (
	// nobody is the user that a server started by root runs as: there are
	// servers that refuse to run as root.
	nobody = 65534
	// patience is how long a server may take to start or stop on a busy machine.
	patience = 60 * time.Second
	// portsTried is how often another process may take the port between asking
	// and using.
	portsTried = 3
)

// Config says how a server is run.
type Config struct {
	// Name of the server, for errors and its folder.
	Name string
	// Prepare makes what the server needs in its folder, once. nil: nothing.
	Prepare func(*Server) error
	// Command is how the server is started, in front; see [Server.Command]. What
	// it writes is its log.
	Command func(*Server) *exec.Cmd
	// Ready reports whether the server takes connections. It is asked, with what
	// was logged since the start, until it says so.
	Ready func(s *Server, log string) bool
	// Kill is the signal that ends the server at once. Default: SIGKILL.
	Kill syscall.Signal
	// Group has Kill end the processes that the server started too.
	Group bool
}

// Server is a server that was started.
type Server struct {
	config   Config
	dir      string
	port     int
	watchdog *watchdog

	mu     sync.Mutex
	pid    int
	exited chan struct{} // closed when no process runs any more
	log    bytes.Buffer
}

// Start starts a server, and returns when it takes connections.
func Start(c Config) (*Server, error) {
	if c.Kill == 0 {
		c.Kill = syscall.SIGKILL
	}
	s := &Server{config: c, exited: make(chan struct{})}
	close(s.exited)
	if err := s.first(); err != nil {
		return nil, fmt.Errorf("%s: %w", c.Name, errors.Join(err, s.Close()))
	}
	return s, nil
}

func (s *Server) first() (err error) {
	// Short, and so not in TMPDIR: the path of a socket in it has 107 bytes at most.
	if s.dir, err = os.MkdirTemp("/tmp", "tenantedge-"+s.config.Name+"-"); err != nil {
		return err
	}
	if os.Getuid() == 0 {
		if err := os.Chown(s.dir, nobody, nobody); err != nil {
			return err
		}
	}
	if s.watchdog, err = watch(s.dir, s.config); err != nil {
		return errors.Join(err, os.RemoveAll(s.dir))
	}
	if s.config.Prepare != nil {
		if err := s.config.Prepare(s); err != nil {
			return err
		}
	}
	for range portsTried {
		if s.port, err = freePort(); err != nil {
			return err
		}
		if err = s.run(); err == nil {
			return nil
		}
	}
	return err
}

// Command returns a command that runs as the server does: in its folder, and
// as nobody where the tests run as root.
func (s *Server) Command(program string, args ...string) *exec.Cmd {
	c := exec.Command(program, args...)
	c.Dir = s.dir
	c.Env = os.Environ()
	inNewSession(c)
	if os.Getuid() == 0 {
		runAs(c, nobody)
	}
	return c
}

// Dir is the server's folder, which it owns.
func (s *Server) Dir() string { return s.dir }

// Port is that of 127.0.0.1 where the server listens.
func (s *Server) Port() int { return s.port }

// PID is the process id of the server, as it was started last.
func (s *Server) PID() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.pid
}

// Log returns what the server has written.
func (s *Server) Log() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.log.String()
}

// Runs reports whether the server has not ended yet.
func (s *Server) Runs() bool {
	select {
	case <-s.hasExited():
		return false
	default:
		return true
	}
}

// Stop shuts the server down in order.
func (s *Server) Stop(tb testing.TB) {
	tb.Helper()
	if err := s.end(syscall.SIGINT); err != nil {
		tb.Fatal(err)
	}
}

// Kill ends the server as a crash does: at once, without a goodbye to anyone.
func (s *Server) Kill(tb testing.TB) {
	tb.Helper()
	if err := s.end(s.config.Kill); err != nil {
		tb.Fatal(err)
	}
}

// Restart starts the server again after Stop or Kill, at the same address.
func (s *Server) Restart(tb testing.TB) {
	tb.Helper()
	if err := s.run(); err != nil {
		tb.Fatalf("%s: %v", s.config.Name, err)
	}
}

// Close ends the server and removes its folder.
func (s *Server) Close() error {
	err := s.end(s.config.Kill)
	if s.watchdog != nil {
		err = errors.Join(err, s.watchdog.Close())
	}
	return err
}

// Must returns what start does, or ends the test.
func Must[S any](tb testing.TB, start func() (S, error)) S {
	tb.Helper()
	s, err := start()
	if err != nil {
		tb.Fatal(err)
	}
	return s
}

// Own is Must for a server of the test's own, which it may stop and kill: it is
// closed after the test.
func Own[S interface{ Close() error }](tb testing.TB, start func() (S, error)) S {
	tb.Helper()
	s := Must(tb, start)
	tb.Cleanup(func() {
		if err := s.Close(); err != nil {
			tb.Error(err)
		}
	})
	return s
}

// run starts the server and waits until it takes connections.
func (s *Server) run() error {
	c := underWatch(s.config.Command(s))
	c.Stdout, c.Stderr = (*output)(s), (*output)(s)
	began := len(s.Log())
	if err := c.Start(); err != nil {
		return err
	}
	exited := make(chan struct{})
	s.mu.Lock()
	s.pid, s.exited = c.Process.Pid, exited
	s.mu.Unlock()
	go func() {
		defer close(exited)
		_ = c.Wait() // how it ended is in its log
		_ = os.Remove(filepath.Join(s.dir, pidFile))
	}()
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for late := time.After(patience); ; {
		select {
		case <-tick.C:
			if s.config.Ready(s, s.Log()[began:]) {
				return nil
			}
		case <-exited:
			return fmt.Errorf("the server ended at start:\n%s", s.Log())
		case <-late:
			return errors.Join(fmt.Errorf("the server is not ready after %v:\n%s", patience, s.Log()), s.end(s.config.Kill))
		}
	}
}

// end ends the server by a signal, if it runs.
func (s *Server) end(signal syscall.Signal) error {
	if !s.Runs() {
		return nil
	}
	pid := s.PID()
	if s.config.Group && signal == s.config.Kill {
		pid = -pid // Command makes it the leader of its group
	}
	if err := kill(pid, signal); err != nil && !errors.Is(err, syscall.ESRCH) {
		return fmt.Errorf("%s: %w", s.config.Name, err)
	}
	select {
	case <-s.hasExited():
		return nil
	case <-time.After(patience):
		return fmt.Errorf("%s: the server still runs after %v", s.config.Name, patience)
	}
}

func (s *Server) hasExited() chan struct{} {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.exited
}

// output takes what a server writes.
type output Server

func (o *output) Write(p []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.log.Write(p)
}
