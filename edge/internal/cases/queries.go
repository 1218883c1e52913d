package cases

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/tenantedge/tenantedge/edge"
	"github.com/tenantedge/tenantedge/edge/config"
	"github.com/tenantedge/tenantedge/guest/abi"
)

// QueryAnswer is what a query of a guest gets.
type QueryAnswer struct {
	config.Position
	Schema string        `key:"schema"` // empty: any tenant's; public: queries before the tenant is known
	Args   config.JSON   `key:"args"`   // nil: any
	Rows   []config.JSON `key:"rows"`
	Error  string        `key:"error"` // name of an abi.Errno, instead of rows
}

// errnos are the errors that queries can have, by their names in a file.
var errnos = map[string]abi.Errno{
	"not_found": abi.NotFound, "invalid": abi.Invalid, "denied": abi.Denied, "limit": abi.Limit,
	"timeout": abi.Timeout, "unavailable": abi.Unavailable, "internal": abi.Internal,
}

func (a *QueryAnswer) check(p *problems, path string) {
	if _, ok := errnos[a.Error]; a.Error != "" && !ok {
		p.add(a.Position, path+".error", "expected one of %s, found %q", strings.Join(slices.Sorted(maps.Keys(errnos)), ", "), a.Error)
	}
	if a.Error != "" && a.Rows != nil {
		p.add(a.Position, path, "expected rows or error, found both; remove one of them")
	}
	for _, row := range a.Rows {
		if len(row) == 0 || row[0] != '{' {
			p.add(a.Position, path+".rows", "expected a list of rows, mappings of columns, found %s", row)
		}
	}
	if len(a.Args) > 0 && a.Args[0] != '[' {
		p.add(a.Position, path+".args", "expected a list, found %s", a.Args)
	}
}

// querier answers queries from a file.
type querier struct {
	answers map[string][]QueryAnswer
	note    func(text string) // gets the queries that have no answer
}

var (
	_ edge.Querier       = (*querier)(nil)
	_ edge.PublicQuerier = (*querier)(nil)
)

// Query implements edge.Querier.
func (q *querier) Query(_ context.Context, schema, name string, args json.RawMessage) (json.RawMessage, error) {
	return q.find(schema, name, args, func(a *QueryAnswer) bool { return a.Schema == "" || a.Schema == schema })
}

// QueryPublic implements edge.PublicQuerier.
func (q *querier) QueryPublic(_ context.Context, name string, args json.RawMessage) (json.RawMessage, error) {
	return q.find(config.SchemaPublic, name, args, func(a *QueryAnswer) bool { return a.Schema == config.SchemaPublic })
}

func (q *querier) find(schema, name string, args json.RawMessage, fits func(*QueryAnswer) bool) (json.RawMessage, error) {
	for i := range q.answers[name] {
		a := &q.answers[name][i]
		if !fits(a) || a.Args != nil && !sameJSON(string(a.Args), string(args)) {
			continue
		}
		if a.Error != "" {
			return nil, errnos[a.Error]
		}
		rows := make([]json.RawMessage, len(a.Rows))
		for n, row := range a.Rows {
			rows[n] = json.RawMessage(row)
		}
		return json.Marshal(rows)
	}
	text := fmt.Sprintf("no answer in queries fits the query %q in schema %s with the arguments %s", name, schema, args)
	q.note(text)
	return nil, fmt.Errorf("%w: %w", abi.NotFound, errors.New(text))
}
