// Package pgtest runs a real Postgres for tests: a private cluster in a temporary
// folder, with a unix socket and a free loopback port. It ends with the test
// process, even if that is killed.
//
//	server := pgtest.Start(t)  // one cluster for all tests of the process
//	dsn := server.NewDB(t)     // a database for this test
//
// Tests that stop or kill the server use [StartOwn]. The server's programs must
// be on PATH or where Debian's package installs them. If they are missing, the
// tests fail: a skipped test proves nothing.
package pgtest

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/tenantedge/tenantedge/tenantdb/testserver"
)

const (
	user = "tenantedge"
	// patience limits a statement; the machine may be busy.
	patience = 60 * time.Second
)

// Server is a running cluster.
type Server struct {
	*testserver.Server
	databases atomic.Int64
}

var shared = sync.OnceValues(newServer)

// Start returns the cluster that all tests of this process share.
func Start(tb testing.TB) *Server {
	tb.Helper()
	return testserver.Must(tb, shared)
}

// StartOwn returns a cluster for this test only, which it may stop and kill.
func StartOwn(tb testing.TB) *Server {
	tb.Helper()
	return testserver.Own(tb, newServer)
}

func newServer() (*Server, error) {
	bin, err := find()
	if err != nil {
		return nil, err
	}
	run := func(s *testserver.Server, program string, args ...string) *exec.Cmd {
		c := s.Command(filepath.Join(bin, program), append([]string{"-D", filepath.Join(s.Dir(), "data")}, args...)...)
		c.Env = append(c.Env, "LC_ALL=C", "TZ=UTC", "PGTZ=UTC")
		return c
	}
	s, err := testserver.Start(testserver.Config{
		Name: "pgtest",
		Prepare: func(s *testserver.Server) error {
			out, err := run(s, "initdb", "-U", user, "-A", "trust", "-E", "UTF8", "--locale=C", "--no-sync").CombinedOutput()
			if err != nil {
				return fmt.Errorf("initdb: %w\n%s", err, out)
			}
			return nil
		},
		Command: func(s *testserver.Server) *exec.Cmd {
			return run(s, "postgres", "-k", s.Dir(), "-p", strconv.Itoa(s.Port()),
				"-c", "listen_addresses=127.0.0.1", "-c", "fsync=off", "-c", "full_page_writes=off",
				"-c", "max_connections=100", "-c", "shared_buffers=64MB",
				"-c", "log_destination=stderr", "-c", "logging_collector=off", "-c", "lc_messages=C")
		},
		Ready: func(_ *testserver.Server, log string) bool {
			return strings.Contains(log, "ready to accept connections")
		},
		Kill: syscall.SIGQUIT, // which Postgres forwards to its backend processes
	})
	if err != nil {
		return nil, err
	}
	return &Server{Server: s}, nil
}

// find returns the folder of the server's programs: of those on PATH, or of the
// newest version that Debian installs.
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
	return "", errors.New("pgtest: expected initdb and postgres on PATH or in /usr/lib/postgresql/*/bin, found neither; run `make test`, which installs Debian's package")
}

// DSN returns the connection string of a database over loopback TCP.
func (s *Server) DSN(database string) string {
	return fmt.Sprintf("postgres://%s@127.0.0.1:%d/%s?sslmode=disable", user, s.Port(), database)
}

// SocketDSN is DSN over the unix socket.
func (s *Server) SocketDSN(database string) string {
	return fmt.Sprintf("host=%s port=%d user=%s dbname=%s", s.Dir(), s.Port(), user, database)
}

// NewDB creates an empty database and returns its connection string. The database
// is dropped after the test, even if clients are connected.
func (s *Server) NewDB(tb testing.TB) string {
	tb.Helper()
	name := "test" + strconv.FormatInt(s.databases.Add(1), 10)
	s.exec(tb, "CREATE DATABASE "+name)
	tb.Cleanup(func() {
		if s.Runs() { // a test may have ended its own server
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
