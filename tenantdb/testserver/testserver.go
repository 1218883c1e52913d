// Package testserver runs servers for tests, each in its own process and folder
// and on a free loopback port. A watchdog ends the process and removes the folder
// when the test process ends, even if it is killed.
//
//	server, err := testserver.Start(testserver.Config{
//		Name: "redis",
//		Command: func(s *testserver.Server) *exec.Cmd {
//			return s.Command("redis-server", "--port", strconv.Itoa(s.Port()))
//		},
//		Ready: func(s *testserver.Server, log string) bool { return strings.Contains(log, "Ready") },
//	})
//
// The packages pgtest, redistest and s3test use it.
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
	// nobody is the user id of servers that root starts: Postgres, for one,
	// refuses to run as root.
	nobody = 65534
	// patience is how long a server may take to start or stop on a busy machine.
	patience = 60 * time.Second
	// startAttempts allows for other processes that take the port between
	// finding and using it.
	startAttempts = 3
)

// Config describes a server.
type Config struct {
	// Name is used in errors and in the name of the folder.
	Name string
	// Prepare sets up the folder once, before the first start. nil: nothing.
	Prepare func(*Server) error
	// Command returns the command that runs the server in the foreground; see
	// [Server.Command]. Its output is the server's log.
	Command func(*Server) *exec.Cmd
	// Ready reports whether the server accepts connections. It is called with the
	// log since the start until it returns true.
	Ready func(s *Server, log string) bool
	// Kill is the signal that ends the server immediately. Default: SIGKILL.
	Kill syscall.Signal
	// Group makes Kill end also the processes that the server has started.
	Group bool
}

// Server is a running or stopped server.
type Server struct {
	config   Config
	dir      string
	port     int
	watchdog *watchdog

	mu     sync.Mutex
	pid    int
	exited chan struct{} // closed when the process has ended
	log    bytes.Buffer
}

// Start starts a server, and returns when it accepts connections.
func Start(c Config) (*Server, error) {
	if c.Kill == 0 {
		c.Kill = syscall.SIGKILL
	}
	s := &Server{config: c, exited: make(chan struct{})}
	close(s.exited)
	if err := s.firstStart(); err != nil {
		return nil, fmt.Errorf("%s: %w", c.Name, errors.Join(err, s.Close()))
	}
	return s, nil
}

func (s *Server) firstStart() (err error) {
	// Not in TMPDIR: the path of a socket in the folder has at most 107 bytes.
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
	for range startAttempts {
		if s.port, err = freePort(); err != nil {
			return err
		}
		if err = s.run(); err == nil {
			return nil
		}
	}
	return err
}

// Command returns a command that runs in the server's folder, as user nobody if
// the tests run as root.
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

// Dir returns the server's folder, which the server's user owns.
func (s *Server) Dir() string { return s.dir }

// Port returns the server's port of 127.0.0.1.
func (s *Server) Port() int { return s.port }

// PID returns the process id of the last start.
func (s *Server) PID() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.pid
}

// Log returns the output of all starts.
func (s *Server) Log() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.log.String()
}

// Runs reports whether the server's process is running.
func (s *Server) Runs() bool {
	select {
	case <-s.hasExited():
		return false
	default:
		return true
	}
}

// Stop shuts the server down cleanly, with SIGINT.
func (s *Server) Stop(tb testing.TB) {
	tb.Helper()
	if err := s.end(syscall.SIGINT); err != nil {
		tb.Fatal(err)
	}
}

// Kill ends the server as a crash does, with Config.Kill.
func (s *Server) Kill(tb testing.TB) {
	tb.Helper()
	if err := s.end(s.config.Kill); err != nil {
		tb.Fatal(err)
	}
}

// Restart starts the server after Stop or Kill, on the same port.
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

// Must returns the server that start returns, or fails the test.
func Must[S any](tb testing.TB, start func() (S, error)) S {
	tb.Helper()
	s, err := start()
	if err != nil {
		tb.Fatal(err)
	}
	return s
}

// Own is Must for a server that only this test uses, and may stop and kill. It is
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

// run starts the server and waits until it accepts connections.
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
		_ = c.Wait() // the log has the reason
		_ = os.Remove(filepath.Join(s.dir, pidFile))
	}()
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for deadline := time.After(patience); ; {
		select {
		case <-tick.C:
			if s.config.Ready(s, s.Log()[began:]) {
				return nil
			}
		case <-exited:
			return fmt.Errorf("the server ended during its start:\n%s", s.Log())
		case <-deadline:
			return errors.Join(fmt.Errorf("the server is not ready after %v:\n%s", patience, s.Log()), s.end(s.config.Kill))
		}
	}
}

// end ends the server with a signal, if it is running.
func (s *Server) end(signal syscall.Signal) error {
	if !s.Runs() {
		return nil
	}
	pid := s.PID()
	if s.config.Group && signal == s.config.Kill {
		pid = -pid // the group that Command makes it the leader of
	}
	if err := kill(pid, signal); err != nil && !errors.Is(err, syscall.ESRCH) {
		return fmt.Errorf("%s: %w", s.config.Name, err)
	}
	select {
	case <-s.hasExited():
		return nil
	case <-time.After(patience):
		return fmt.Errorf("%s: the server is still running after %v", s.config.Name, patience)
	}
}

func (s *Server) hasExited() chan struct{} {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.exited
}

// output appends a server's output to its log.
type output Server

func (o *output) Write(p []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.log.Write(p)
}
