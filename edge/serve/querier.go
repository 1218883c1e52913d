package serve

import (
	"context"
	"encoding/json"

	"github.com/tenantedge/tenantedge/edge"
	"github.com/tenantedge/tenantedge/guest/abi"
	"github.com/tenantedge/tenantedge/hostfuncs"
	"github.com/tenantedge/tenantedge/tenantdb/postgres"
)

// querier runs statements for guests and maps errors of Postgres to errnos.
type querier struct{ queries *postgres.Queries }

// Query implements edge.Querier.
func (q querier) Query(ctx context.Context, schema, name string, args json.RawMessage) (json.RawMessage, error) {
	rows, err := q.queries.Query(ctx, schema, name, args)
	return rows, queryErrnos.Wrap(err)
}

// QueryPublic implements edge.PublicQuerier.
func (q querier) QueryPublic(ctx context.Context, name string, args json.RawMessage) (json.RawMessage, error) {
	rows, err := q.queries.QueryPublic(ctx, name, args)
	return rows, queryErrnos.Wrap(err)
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
	_ edge.Querier       = querier{}
	_ edge.PublicQuerier = querier{}
)
