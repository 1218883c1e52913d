package postgres_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/tenantedge/tenantedge/tenantdb"
	"github.com/tenantedge/tenantedge/tenantdb/postgres"
	"github.com/tenantedge/tenantedge/tenantdb/postgres/pgtest"
	"github.com/tenantedge/tenantedge/tenantdb/sourcetest"
)

// newPool returns a pool with a BeforeConnect hook, which a caller may use for
// passwords. It sets the application_name to caller.
func newPool(t *testing.T, dsn string, conns int32) *pgxpool.Pool {
	t.Helper()
	c, err := pgxpool.ParseConfig(dsn)
	if err != nil {
		t.Fatal(err)
	}
	c.MaxConns = conns
	c.BeforeConnect = func(_ context.Context, c *pgx.ConnConfig) error {
		c.RuntimeParams["application_name"] = "caller"
		return nil
	}
	p, err := pgxpool.NewWithConfig(t.Context(), c)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(p.Close)
	return p
}

func TestADBCanUseTheCallersPoolAndKeepsItOpen(t *testing.T) {
	dsn := pgtest.Start(t).NewDB(t)
	exec(t, dsn, queryTables, `CREATE TABLE django_session (session_key varchar(40) PRIMARY KEY, session_data text NOT NULL, expire_date timestamptz NOT NULL)`,
		`INSERT INTO django_session VALUES ('abc', 'e30:sig', '2026-11-22T10:00:00Z')`)
	pool := newPool(t, dsn, 1)
	db := open(t, postgres.Config{
		Pool: pool, Poll: 20 * time.Millisecond,
		SessionTable: "django_session", SessionTimeout: time.Minute,
		Statements: []postgres.Statement{{Name: "name", SQL: "SELECT current_setting('application_name') AS name, current_setting('search_path') AS path", Timeout: time.Minute}},
	})
	if _, err := db.Init(t.Context(), false); err != nil {
		t.Fatal(err)
	}
	if _, err := db.Store.AddTenant(t.Context(), postgres.NewTenant{Schema: "acme", Domain: &tenantdb.Domain{Domain: "a.io"}}); err != nil {
		t.Fatal(err)
	}
	dir := start(t, db.Source)
	if !found(dir, "a.io") {
		t.Error("the domain is not in the directory")
	}
	if n := query(t, dsn, "SELECT count(*)::text FROM pg_stat_activity WHERE application_name = 'caller'"); n[0] != "2" {
		t.Errorf("%s connections are made as the caller's pool makes them, expected 2: one in the pool, one of the source", n[0])
	}
	if got, err := db.Queries.Query(t.Context(), "t1", "name", nil); string(got) != `[{"name":"caller","path":"t1, public"}]` {
		t.Errorf("query: %s, %v", got, err)
	}
	if data, _, _, err := db.Sessions.SessionData(t.Context(), "abc"); data != "e30:sig" || err != nil {
		t.Errorf("session: %q, %v", data, err)
	}
	for range 2 {
		if err := db.Close(); err != nil {
			t.Fatal(err)
		}
	}
	if err := pool.Ping(t.Context()); err != nil {
		t.Errorf("the caller's pool was closed: %v", err)
	}
}

func TestSlowStatementsLeaveConnectionsForSessions(t *testing.T) {
	dsn := pgtest.Start(t).NewDB(t)
	exec(t, dsn, "CREATE SCHEMA t1", `CREATE TABLE django_session (session_key varchar(40) PRIMARY KEY, session_data text NOT NULL, expire_date timestamptz NOT NULL)`)
	db := open(t, postgres.Config{
		DSN: dsn, MaxConns: 3, SessionTable: "django_session", SessionTimeout: time.Minute,
		Statements: []postgres.Statement{{Name: "slow", SQL: "SELECT pg_sleep(600)::text", Timeout: 10 * time.Minute}},
	})
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error)
	const statements = 5
	for range statements {
		go func() {
			_, err := db.Queries.Query(ctx, "t1", "slow", nil)
			ended <- err
		}()
	}
	sleeping := "SELECT count(*)::text FROM pg_stat_activity WHERE state = 'active' AND query LIKE '%pg_sleep(600)%' AND pid <> pg_backend_pid()"
	sourcetest.Eventually(t, "a statement that runs", func() bool { return query(t, dsn, sleeping)[0] == "1" })
	if _, _, found, err := db.Sessions.SessionData(t.Context(), "abc"); found || err != nil {
		t.Errorf("while statements run: %v, %v", found, err)
	}
	if n := query(t, dsn, sleeping)[0]; n != "1" {
		t.Errorf("%s statements run at once, expected 1: half of the pool", n)
	}
	cancel()
	for range statements {
		if err := <-ended; err == nil {
			t.Error("a canceled statement has an answer")
		}
	}
}

func TestAConfigHasEitherADSNOrAPool(t *testing.T) {
	pool := newPool(t, "postgres://u@127.0.0.1:1/db", 1)
	if _, err := postgres.Open(postgres.Config{Pool: pool, DSN: "postgres://u:s3cr3t@127.0.0.1:1/db"}); err == nil || !strings.Contains(err.Error(), "found both") || strings.Contains(err.Error(), "s3cr3t") {
		t.Errorf("DSN and pool: %v", err)
	}
	db := open(t, postgres.Config{Pool: pool})
	if db.Sessions != nil {
		t.Error("there are sessions without a table")
	}
	if _, err := db.Queries.Query(t.Context(), "t1", "none", nil); !errors.Is(err, postgres.ErrNotFound) {
		t.Errorf("no statements: %v", err)
	}
}
