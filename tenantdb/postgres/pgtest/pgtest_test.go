//go:build unix

package pgtest_test

import (
	"testing"

	"github.com/jackc/pgx/v5"

	"github.com/tenantedge/tenantedge/tenantdb/postgres/pgtest"
)

func queryRow(t *testing.T, dsn, sql string) string {
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

func TestEveryTestHasItsDatabase(t *testing.T) {
	s := pgtest.Start(t)
	a, b := s.NewDB(t), s.NewDB(t)
	if queryRow(t, a, "SELECT current_database()") == queryRow(t, b, "SELECT current_database()") {
		t.Error("two tests share a database")
	}
	if pgtest.Start(t) != s {
		t.Error("a second cluster was started")
	}
}

func TestAServerComesBackAfterStopAndKill(t *testing.T) {
	s := pgtest.StartOwn(t)
	dsn := s.NewDB(t)
	queryRow(t, dsn, "SELECT 'here'")
	for _, end := range []func(testing.TB){s.Stop, s.Kill} {
		end(t)
		if _, err := pgx.Connect(t.Context(), dsn); err == nil {
			t.Fatal("the server is still there")
		}
		s.Restart(t)
		if got := queryRow(t, dsn, "SELECT 'back'"); got != "back" {
			t.Errorf("got %q", got)
		}
	}
}
