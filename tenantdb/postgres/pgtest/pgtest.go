//go:build unix

// Package pgtest gives tests a real Postgres: a private cluster in a temporary
// folder, reached by a unix socket and a free loopback port, and gone when the
// test process is, however that ends.
//
//	server := pgtest.Start(t)  // one cluster for all tests of the process
//	dsn := server.NewDB(t)     // a database of this test's own
//
// A test that stops or kills the server takes [StartOwn]. The server's
// programs are found on PATH or where Debian's package puts them; where there
// are none the test fails, because a test that is skipped proves nothing.
package pgtest

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/tenantedge/tenantedge/internal/freeport"
)

const (
	user = "tenantedge"
	// nobody is the user that a server started by root runs as: Postgres
	// refuses to run as root.
	nobody = 65534
	// patience is how long a server may take to start or stop on a busy machine.
	patience = 60 * time.Second
)

// Server is a running cluster.
type Server struct {
	bin, dir string
	port     int
	watchdog io.Closer // the watchdog ends the cluster when this is closed

	mu        sync.Mutex
	process   *exec.Cmd
	exited    chan struct{} // closed when process has ended
	log       bytes.Buffer
	databases int
}

var shared = sync.OnceValues(newServer)

// Start returns the cluster that all tests of this process share.
func Start(tb testing.TB) *Server {
	tb.Helper()
	s, err := shared()
	if err != nil {
		tb.Fatal(err)
	}
	return s
}

// StartOwn returns a cluster of the test's own, which it may stop and kill.
func StartOwn(tb testing.TB) *Server {
	tb.Helper()
	s, err := newServer()
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() {
		if err := s.end(syscall.SIGQUIT); err != nil {
			tb.Error(err)
		}
		if err := s.watchdog.Close(); err != nil {
			tb.Error(err)
		}
	})
	return s
}

func newServer() (*Server, error) {
	bin, err := find()
	if err != nil {
		return nil, err
	}
	dir, err := os.MkdirTemp("/tmp", "tenantedge-pg") // short: a socket's path has 107 bytes at most
	if err != nil {
		return nil, fmt.Errorf("pgtest: %w", err)
	}
	s := &Server{bin: bin, dir: dir}
	if os.Getuid() == 0 {
		if err := os.Chown(dir, nobody, nobody); err != nil {
			return nil, fmt.Errorf("pgtest: %w", err)
		}
	}
	if err := s.watch(); err != nil {
		return nil, err
	}
	initdb := s.command("initdb", "-D", s.data(), "-U", user, "-A", "trust", "-E", "UTF8", "--locale=C", "--no-sync")
	if out, err := initdb.CombinedOutput(); err != nil {
		return nil, errors.Join(fmt.Errorf("pgtest: initdb: %w\n%s", err, out), s.watchdog.Close())
	}
	if err := s.start(); err != nil {
		return nil, errors.Join(err, s.watchdog.Close())
	}
	return s, nil
}

// find returns the folder with the newest server's programs.
func find() (string, error) {
	folders := filepath.SplitList(os.Getenv("PATH"))
	debian, err := filepath.Glob("/usr/lib/postgresql/*/bin")
	if err != nil {
		return "", fmt.Errorf("pgtest: %w", err)
	}
	for i := len(debian) - 1; i >= 0; i-- {
		folders = append(folders, debian[i])
	}
	for _, folder := range folders {
		_, err := exec.LookPath(filepath.Join(folder, "initdb"))
		_, err2 := exec.LookPath(filepath.Join(folder, "postgres"))
		if err == nil && err2 == nil {
			return folder, nil
		}
	}
	return "", errors.New("pgtest: no Postgres server here: neither PATH nor /usr/lib/postgresql/*/bin has initdb and postgres; run `make test`, which installs Debian's package")
}

// watch starts a watchdog that outlives this process: when its input ends, it
// ends the server and removes the folder.
func (s *Server) watch() error {
	r, w, err := os.Pipe()
	if err != nil {
		return fmt.Errorf("pgtest: %w", err)
	}
	const script = `cat >/dev/null
pid=$(head -n 1 "$1/data/postmaster.pid" 2>/dev/null) && kill -QUIT "$pid" 2>/dev/null
while [ -n "$pid" ] && kill -0 "$pid" 2>/dev/null; do sleep 0.05; done
rm -rf "$1"`
	c := exec.Command("/bin/sh", "-c", script, "pgtest-watchdog", s.dir)
	c.Stdin = r
	c.SysProcAttr = &syscall.SysProcAttr{Setsid: true} // an interrupt of the tests is not meant for it
	if err := c.Start(); err != nil {
		return fmt.Errorf("pgtest: %w", err)
	}
	if err := r.Close(); err != nil {
		return fmt.Errorf("pgtest: %w", err)
	}
	s.watchdog = closer{w, c}
	return nil
}

type closer struct {
	pipe     *os.File
	watchdog *exec.Cmd
}

func (c closer) Close() error { return errors.Join(c.pipe.Close(), c.watchdog.Wait()) }

func (s *Server) data() string { return filepath.Join(s.dir, "data") }

func (s *Server) command(name string, args ...string) *exec.Cmd {
	c := exec.Command(filepath.Join(s.bin, name), args...)
	c.Dir = s.dir
	c.Env = append(os.Environ(), "LC_ALL=C", "TZ=UTC", "PGTZ=UTC")
	c.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
	if os.Getuid() == 0 {
		c.SysProcAttr.Credential = &syscall.Credential{Uid: nobody, Gid: nobody, NoSetGroups: true}
	}
	return c
}

func (s *Server) start() error {
	var err error
	for range 3 { // another process may take the port between asking and using
		if s.port == 0 {
			if s.port, err = freeport.Find(); err != nil {
				return err
			}
		}
		if err = s.run(); err == nil {
			return nil
		}
		if s.databases > 0 {
			return err // databases have been handed out with this port
		}
		s.port = 0
	}
	return err
}

// run starts the server and waits until it says that it takes connections.
func (s *Server) run() error {
	c := s.command("postgres", "-D", s.data(), "-k", s.dir, "-p", strconv.Itoa(s.port),
		"-c", "listen_addresses=127.0.0.1", "-c", "fsync=off", "-c", "full_page_writes=off",
		"-c", "max_connections=100", "-c", "shared_buffers=64MB",
		"-c", "log_destination=stderr", "-c", "logging_collector=off", "-c", "lc_messages=C")
	stderr, err := c.StderrPipe()
	if err != nil {
		return fmt.Errorf("pgtest: %w", err)
	}
	if err := c.Start(); err != nil {
		return fmt.Errorf("pgtest: %w", err)
	}
	ready, exited := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(exited)
		lines := bufio.NewScanner(stderr)
		told := false
		for lines.Scan() {
			s.mu.Lock()
			s.log.Write(lines.Bytes())
			s.log.WriteByte('\n')
			s.mu.Unlock()
			if !told && strings.Contains(lines.Text(), "ready to accept connections") {
				told = true
				close(ready)
			}
		}
		_ = c.Wait() // how it ended is in its log
	}()
	s.mu.Lock()
	s.process, s.exited = c, exited
	s.mu.Unlock()
	select {
	case <-ready:
		return nil
	case <-exited:
		return fmt.Errorf("pgtest: the server ended at start:\n%s", s.Log())
	case <-time.After(patience):
		return errors.Join(fmt.Errorf("pgtest: the server is not ready after %v:\n%s", patience, s.Log()), s.end(syscall.SIGQUIT))
	}
}

// end stops the server by a signal, if it runs.
func (s *Server) end(signal syscall.Signal) error {
	s.mu.Lock()
	process, exited := s.process, s.exited
	s.mu.Unlock()
	select {
	case <-exited:
		return nil
	default:
	}
	if err := process.Process.Signal(signal); err != nil && !errors.Is(err, os.ErrProcessDone) {
		return fmt.Errorf("pgtest: %w", err)
	}
	select {
	case <-exited:
		return nil
	case <-time.After(patience):
		return fmt.Errorf("pgtest: the server still runs after %v", patience)
	}
}

// Stop shuts the server down in order; connections are ended.
func (s *Server) Stop(tb testing.TB) {
	tb.Helper()
	if err := s.end(syscall.SIGINT); err != nil {
		tb.Fatal(err)
	}
}

// Kill ends the server as a crash does: at once, without a goodbye to anyone.
func (s *Server) Kill(tb testing.TB) {
	tb.Helper()
	if err := s.end(syscall.SIGQUIT); err != nil {
		tb.Fatal(err)
	}
}

// Restart starts the server again after Stop or Kill, at the same address.
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

// DSN returns the connection string of a database, by loopback TCP.
func (s *Server) DSN(database string) string {
	return fmt.Sprintf("postgres://%s@127.0.0.1:%d/%s?sslmode=disable", user, s.port, database)
}

// SocketDSN is DSN by unix socket.
func (s *Server) SocketDSN(database string) string {
	return fmt.Sprintf("host=%s port=%d user=%s dbname=%s", s.dir, s.port, user, database)
}

// NewDB makes an empty database for the test and returns its connection
// string. It is dropped after the test, whoever is still connected.
func (s *Server) NewDB(tb testing.TB) string {
	tb.Helper()
	s.mu.Lock()
	s.databases++
	name := "test" + strconv.Itoa(s.databases)
	s.mu.Unlock()
	s.exec(tb, "CREATE DATABASE "+name)
	tb.Cleanup(func() {
		s.mu.Lock()
		exited := s.exited
		s.mu.Unlock()
		select {
		case <-exited: // the test ended the server: nothing to drop
		default:
			s.exec(tb, "DROP DATABASE "+name+" WITH (FORCE)")
		}
	})
	return s.DSN(name)
}

func (s *Server) exec(tb testing.TB, sql string) {
	tb.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	conn, err := pgx.Connect(ctx, s.SocketDSN("postgres"))
	if err != nil {
		tb.Fatalf("pgtest: %v\n%s", err, s.Log())
	}
	_, err = conn.Exec(ctx, sql)
	if err = errors.Join(err, conn.Close(ctx)); err != nil {
		tb.Fatalf("pgtest: %s: %v", sql, err)
	}
}
