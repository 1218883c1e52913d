//go:build unix

package serve

import (
	"errors"
	"log/slog"
	"testing"
	"time"

	"github.com/tenantedge/tenantedge/edge/internal/outage"
	"github.com/tenantedge/tenantedge/guest/abi"
	"github.com/tenantedge/tenantedge/hostfuncs"
	"github.com/tenantedge/tenantedge/tenantdb/postgres"
	"github.com/tenantedge/tenantedge/tenantdb/postgres/pgtest"
)

// A statement that is slow, for example since its table is locked, keeps no other from
// running: the database answers.
func TestASlowStatementIsNoOutageOfTheDatabase(t *testing.T) {
	server := pgtest.StartOwn(t)
	db, err := postgres.Open(postgres.Config{DSN: server.NewDB(t), Statements: []postgres.Statement{
		{Name: "slow", SQL: "SELECT pg_sleep(60)", Public: true, Timeout: 20 * time.Millisecond},
		{Name: "fast", SQL: "SELECT 1 AS x", Public: true, Timeout: patience},
	}})
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	// Without the time limit of newQuerier: the machine may be busy.
	q := &querier{db.Queries, outage.New("the database", db.Queries.Ping, queryPause, slog.New(slog.DiscardHandler))}
	defer q.close()
	for range 20 {
		if _, err := q.QueryPublic(t.Context(), "slow", nil); err == nil {
			t.Error("the slow statement gave an answer")
		}
		if _, err := q.QueryPublic(t.Context(), "fast", nil); err != nil {
			t.Errorf("after a slow statement: %v", err)
		}
	}
	server.Kill(t)
	for deadline := time.Now().Add(patience); q.outage.Cause() == nil && time.Now().Before(deadline); {
		_, _ = q.QueryPublic(t.Context(), "fast", nil)
	}
	if _, err = q.QueryPublic(t.Context(), "fast", nil); !errors.Is(q.outage.Cause(), postgres.ErrUnavailable) || hostfuncs.ErrnoOf(err, nil) != abi.Unavailable {
		t.Errorf("without a database: %v, outage %v", err, q.outage.Cause())
	}
}
