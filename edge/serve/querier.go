package serve

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/tenantedge/tenantedge/edge"
	"github.com/tenantedge/tenantedge/edge/internal/outage"
	"github.com/tenantedge/tenantedge/guest/abi"
	"github.com/tenantedge/tenantedge/hostfuncs"
	"github.com/tenantedge/tenantedge/tenantdb/postgres"
)

const (
	// queryPause is the time between two probes of an unavailable database.
	queryPause = 250 * time.Millisecond
	// queryProbe is how long a probe waits for an answer.
	queryProbe = 500 * time.Millisecond
)

// querier runs statements for guests and maps errors of Postgres to errnos. A guest that
// waits for a statement keeps its instance, and those of all tenants are few: statements
// do not wait for a database that does not answer.
type querier struct {
	queries *postgres.Queries
	outage  *outage.Outage
}

func newQuerier(queries *postgres.Queries, log *slog.Logger) *querier {
	return &querier{queries, outage.New("the database of the queries", func(ctx context.Context) error {
		limited, cancel := context.WithTimeout(ctx, queryProbe)
		defer cancel()
		return queries.Ping(limited)
	}, queryPause, log)}
}

// Query implements edge.Querier.
func (q *querier) Query(ctx context.Context, schema, name string, args json.RawMessage) (json.RawMessage, error) {
	return q.run(func() (json.RawMessage, error) { return q.queries.Query(ctx, schema, name, args) })
}

// QueryPublic implements edge.PublicQuerier.
func (q *querier) QueryPublic(ctx context.Context, name string, args json.RawMessage) (json.RawMessage, error) {
	return q.run(func() (json.RawMessage, error) { return q.queries.QueryPublic(ctx, name, args) })
}

func (q *querier) run(query func() (json.RawMessage, error)) (json.RawMessage, error) {
	if err := q.outage.Cause(); err != nil {
		return nil, queryErrnos.Wrap(fmt.Errorf("%w: %w", postgres.ErrUnavailable, err))
	}
	sent := time.Now()
	rows, err := query()
	switch {
	case err == nil:
		q.outage.Note(sent, nil)
	case errors.Is(err, postgres.ErrTimeout), errors.Is(err, postgres.ErrUnavailable):
		q.outage.Suspect() // or only this statement is slow
	}
	return rows, queryErrnos.Wrap(err)
}

func (q *querier) close() { q.outage.Close() }

func (q *querier) newGauge() prometheus.Collector {
	return prometheus.NewGaugeFunc(prometheus.GaugeOpts{
		Name: "tenantedge_query_database_unavailable", Help: "1 while the database of the guest's queries is known to be unavailable.",
	}, func() float64 {
		if q.outage.Cause() != nil {
			return 1
		}
		return 0
	})
}

var queryErrnos = hostfuncs.ErrnoTable{
	{postgres.ErrNotFound, abi.NotFound},
	{postgres.ErrSchema, abi.Denied},
	{postgres.ErrInvalid, abi.Invalid},
	{postgres.ErrLimit, abi.Limit},
	{postgres.ErrTimeout, abi.Timeout},
	{postgres.ErrUnavailable, abi.Unavailable},
}

var (
	_ edge.Querier       = (*querier)(nil)
	_ edge.PublicQuerier = (*querier)(nil)
)
