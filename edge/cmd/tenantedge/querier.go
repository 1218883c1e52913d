package main

import (
	"context"
	"encoding/json"

	"github.com/tenantedge/tenantedge/edge"
	"github.com/tenantedge/tenantedge/guest/abi"
	"github.com/tenantedge/tenantedge/hostfuncs"
	"github.com/tenantedge/tenantedge/tenantdb/postgres"
)

// querier gives guests the errors of their contract for those of Postgres.
type querier struct{ queries *postgres.Queries }

// Query runs a statement of the configuration.
func (q querier) Query(ctx context.Context, schema, name string, args json.RawMessage) (json.RawMessage, error) {
	answer, err := q.queries.Query(ctx, schema, name, args)
	return answer, queryErrnos.Wrap(err)
}

// QueryPublic runs a statement whose configuration says schema public.
func (q querier) QueryPublic(ctx context.Context, name string, args json.RawMessage) (json.RawMessage, error) {
	answer, err := q.queries.QueryPublic(ctx, name, args)
	return answer, queryErrnos.Wrap(err)
}

// queryErrnos holds the errnos that guests get for errors of Postgres.
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
