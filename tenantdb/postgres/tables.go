package postgres

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/jackc/pgx/v5"
)

// Tables names the two tables, each as table or schema.table; the default schema
// is public. Names that contain a dot are written in double quotes.
type Tables struct {
	Tenant string // columns id, schema_name; default tenantedge_tenant
	Domain string // columns id, tenant_id, domain, folder, is_primary, redirect_to_primary; default tenantedge_domain
	// Attributes lists other columns of the tenant table, which become attributes.
	Attributes []string
}

// Names of the tables that Init creates.
const (
	defaultSchema = "public"
	ownTenant     = "tenantedge_tenant"
	ownDomain     = "tenantedge_domain"
)

// names are the parsed Tables.
type names struct {
	tenant, domain pgx.Identifier
	attributes     []string
}

func (t Tables) parse() (names, error) {
	t.Tenant, t.Domain = cmp.Or(t.Tenant, ownTenant), cmp.Or(t.Domain, ownDomain)
	tenant, err := parseTable(t.Tenant)
	if err != nil {
		return names{}, err
	}
	domain, err := parseTable(t.Domain)
	if err != nil {
		return names{}, err
	}
	if slices.Equal(tenant, domain) {
		return names{}, fmt.Errorf("postgres: expected two tables, found %s for both", tenant.Sanitize())
	}
	for i, a := range t.Attributes {
		if a == "" || a == "id" || a == "schema_name" || slices.Contains(t.Attributes[:i], a) {
			return names{}, fmt.Errorf("postgres: attribute column %q: expected the names of other columns of the tenant table, each once", a)
		}
	}
	return names{tenant, domain, t.Attributes}, nil
}

// ours reports whether the tables have the default names, in any schema.
func (n names) ours() bool { return n.tenant[1] == ownTenant && n.domain[1] == ownDomain }

// parseTable parses a table's name. Letters keep their case, quoted or not.
func parseTable(s string) (pgx.Identifier, error) {
	var parts pgx.Identifier
	for rest, more := s, true; more; {
		var part string
		if strings.HasPrefix(rest, `"`) {
			end := strings.IndexByte(rest[1:], '"')
			if end < 0 {
				return nil, fmt.Errorf("postgres: table %q: expected a closing double quote, found none", s)
			}
			part, rest = rest[1:1+end], rest[end+2:]
			if more = rest != ""; more && rest[0] != '.' {
				return nil, fmt.Errorf("postgres: table %q: expected a dot after the quoted name", s)
			}
			rest = strings.TrimPrefix(rest, ".")
		} else {
			part, rest, more = strings.Cut(rest, ".")
		}
		if part == "" || strings.ContainsAny(part, "\x00\"") {
			return nil, fmt.Errorf("postgres: table %q: expected table or schema.table", s)
		}
		parts = append(parts, part)
	}
	switch len(parts) {
	case 1:
		return pgx.Identifier{defaultSchema, parts[0]}, nil
	case 2:
		return parts, nil
	}
	return nil, fmt.Errorf("postgres: table %q: expected table or schema.table", s)
}

// key identifies the pair of tables in notifications.
func (n names) key() string { return n.tenant[0] + "." + n.tenant[1] }

// column describes a column, from the catalog.
type column struct {
	typ     string // as written in a cast
	filled  bool   // has a default or is an identity
	notNull bool
	rows    int // of the table, at most 4,000,000, as Postgres estimates; 0: unknown
}

// layout describes the columns of the tables by name.
type layout struct {
	tenant, domain map[string]column
}

// readLayout reads the layout. The error lists tables and columns that are missing.
func readLayout(ctx context.Context, q querier, n names) (layout, error) {
	var l layout
	var err error
	if l.tenant, err = columns(ctx, q, n.tenant); err != nil {
		return l, err
	}
	if l.domain, err = columns(ctx, q, n.domain); err != nil {
		return l, err
	}
	var missing []string
	for _, c := range append([]string{"id", "schema_name"}, n.attributes...) {
		if _, found := l.tenant[c]; !found {
			missing = append(missing, n.tenant.Sanitize()+" has no column "+c)
		}
	}
	for _, c := range []string{"id", "tenant_id", "domain"} {
		if _, found := l.domain[c]; !found {
			missing = append(missing, n.domain.Sanitize()+" has no column "+c)
		}
	}
	if missing != nil {
		return l, fmt.Errorf("%w: %s; check the table names in the configuration", ErrTables, strings.Join(missing, ", "))
	}
	return l, nil
}

func columns(ctx context.Context, q querier, table pgx.Identifier) (map[string]column, error) {
	rows, err := q.Query(ctx, `
		SELECT a.attname, format_type(a.atttypid, a.atttypmod), a.atthasdef OR a.attidentity <> '', a.attnotnull, least(greatest(c.reltuples, 0), 4e6)::int
		FROM pg_catalog.pg_attribute a JOIN pg_catalog.pg_class c ON c.oid = a.attrelid
		WHERE a.attrelid = to_regclass($1) AND a.attnum > 0 AND NOT a.attisdropped`, table.Sanitize())
	if err != nil {
		return nil, err
	}
	found := map[string]column{}
	var name string
	var c column
	_, err = pgx.ForEachRow(rows, []any{&name, &c.typ, &c.filled, &c.notNull, &c.rows}, func() error {
		found[name] = c
		return nil
	})
	if err != nil {
		return nil, err
	}
	if len(found) == 0 {
		return nil, fmt.Errorf("%w: there is no table %s, or this user may not read it; name the project's table in the configuration and run the project's migrations, or name none and run `tenantedge db init`", ErrTables, table.Sanitize())
	}
	return found, nil
}

// querier is a connection, a pool or a transaction.
type querier interface {
	Query(ctx context.Context, sql string, args ...any) (pgx.Rows, error)
	QueryRow(ctx context.Context, sql string, args ...any) pgx.Row
}

// tenantColumns returns the select list of a tenant: id, schema_name, attributes.
func (n names) tenantColumns() string {
	list := "t.id::text, t.schema_name::text"
	for _, a := range n.attributes {
		list += ", t." + pgx.Identifier{a}.Sanitize() + "::text"
	}
	return list
}

// domainColumns returns the select list of a domain row, with defaults for the
// columns that old projects lack.
func (l layout) domainColumns() string {
	list := "d.tenant_id::text, d.domain::text"
	if _, found := l.domain["folder"]; found {
		list += ", coalesce(d.folder::text, '')"
	} else {
		list += ", ''::text"
	}
	for _, c := range []string{"is_primary", "redirect_to_primary"} {
		if _, found := l.domain[c]; found {
			list += ", coalesce(d." + c + ", false)"
		} else {
			list += ", false"
		}
	}
	return list
}
