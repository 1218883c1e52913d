//go:build unix

package pgtest_test

import (
	"os"
	"os/exec"
	"strconv"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"

	"github.com/tenantedge/tenantedge/tenantdb/postgres/pgtest"
)

func ask(t *testing.T, dsn, sql string) string {
	t.Helper()
	conn, err := pgx.Connect(t.Context(), dsn)
	if err != nil {
		t.Fatal(err)
	}
	var answer string
	if err := conn.QueryRow(t.Context(), sql).Scan(&answer); err != nil {
		t.Fatal(err)
	}
	if err := conn.Close(t.Context()); err != nil {
		t.Fatal(err)
	}
	return answer
}

func TestEveryDatabaseIsItsTestsOwn(t *testing.T) {
	s := pgtest.Start(t)
	a, b := s.NewDB(t), s.NewDB(t)
	if ask(t, a, "SELECT current_database()") == ask(t, b, "SELECT current_database()") {
		t.Error("two tests share a database")
	}
	if pgtest.Start(t) != s {
		t.Error("a second cluster was started")
	}
}

func TestAServerComesBackAfterStopAndKill(t *testing.T) {
	s := pgtest.StartOwn(t)
	dsn := s.NewDB(t)
	ask(t, dsn, "SELECT 'here'")
	for _, end := range []func(testing.TB){s.Stop, s.Kill} {
		end(t)
		if _, err := pgx.Connect(t.Context(), dsn); err == nil {
			t.Fatal("the server is still there")
		}
		s.Restart(t)
		if got := ask(t, dsn, "SELECT 'back'"); got != "back" {
			t.Errorf("got %q", got)
		}
	}
}

// The test runs itself as a second process, kills it, and sees its server and
// folder go.
func TestAServerEndsWithItsProcess(t *testing.T) {
	if os.Getenv("PGTEST_CHILD") != "" {
		s := pgtest.StartOwn(t)
		dsn := s.NewDB(t)
		pid := ask(t, dsn, "SELECT pg_backend_pid()::text")
		println("folder " + ask(t, dsn, "SHOW data_directory") + " " + pid)
		select {}
	}
	c := exec.Command(os.Args[0], "-test.run", "^TestAServerEndsWithItsProcess$")
	c.Env = append(os.Environ(), "PGTEST_CHILD=1")
	stderr, err := c.StderrPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	buf := make([]byte, 4096)
	n := 0
	for !strings.Contains(string(buf[:n]), "\n") {
		m, err := stderr.Read(buf[n:])
		if n += m; err != nil {
			t.Fatalf("%v: %s", err, buf[:n])
		}
	}
	fields := strings.Fields(string(buf[:n]))
	if len(fields) < 2 || fields[0] != "folder" {
		t.Fatalf("the child said %q", buf[:n])
	}
	pidfile, err := os.ReadFile(fields[1] + "/postmaster.pid")
	if err != nil {
		t.Fatal(err)
	}
	first, _, _ := strings.Cut(string(pidfile), "\n")
	pid, err := strconv.Atoi(first)
	if err != nil {
		t.Fatal(err)
	}
	if err := c.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = c.Wait() // it was killed
	pgtest.WaitGone(t, pid, strings.TrimSuffix(fields[1], "/data"))
}
