package postgres

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/tenantedge/tenantedge/tenantdb"
)

// Store writes tenants and domain rows to our own tables or to those of a
// Django project, and keeps the invariants of Django's models.
type Store struct {
	db       *DB
	reserved []string
	refuse   func(tenantdb.Tenant) (reason string)
}

// NewTenant describes a tenant for AddTenant.
type NewTenant struct {
	Schema     string
	ID         string // empty: the database assigns one
	Attributes []tenantdb.Attribute
	NoSchema   bool // write only the row; the schema is created elsewhere
	// Domain is the tenant's first domain row, which becomes primary. nil: none.
	Domain *tenantdb.Domain
}

// List reads all tenants and domain rows, in the order of their primary keys.
func (s *Store) List(ctx context.Context) (tenantdb.State, error) {
	var state tenantdb.State
	err := s.db.pool.AcquireFunc(ctx, func(c *pgxpool.Conn) error {
		l, err := readLayout(ctx, c, s.db.names)
		if err != nil {
			return err
		}
		state, err = s.db.names.readAll(ctx, c.Conn(), l)
		return err
	})
	return state, s.db.redact(err)
}

// AddTenant inserts a tenant's row and its domain row, and creates its schema, in
// one transaction. Errors wrap ErrInvalid, ErrExists or ErrTables.
func (s *Store) AddTenant(ctx context.Context, t NewTenant) (tenantdb.Tenant, error) {
	var added tenantdb.Tenant
	err := s.checkSchema(t.Schema)
	if err == nil && t.Domain != nil {
		err = checkDomain(*t.Domain)
	}
	if err == nil {
		err = s.change(ctx, func(tx pgx.Tx, l layout) (err error) {
			added, err = s.insertAll(ctx, tx, l, t)
			return err
		})
	}
	return added, s.wrap("adding tenant "+t.Schema, err)
}

func (s *Store) insertAll(ctx context.Context, tx pgx.Tx, l layout, t NewTenant) (tenantdb.Tenant, error) {
	added, err := s.insertTenant(ctx, tx, l, t)
	if err != nil {
		return added, err
	}
	if s.refuse != nil {
		if reason := s.refuse(added); reason != "" {
			return added, fmt.Errorf("%w: %s", ErrInvalid, reason)
		}
	}
	if !t.NoSchema {
		if _, err := tx.Exec(ctx, "CREATE SCHEMA "+pgx.Identifier{t.Schema}.Sanitize()); err != nil {
			return added, fmt.Errorf("creating schema %q: %w", t.Schema, err)
		}
	}
	if t.Domain == nil {
		return added, nil
	}
	row := *t.Domain
	row.TenantID = added.ID
	if err := s.insertDomain(ctx, tx, l, &row); err != nil {
		return added, fmt.Errorf("its domain %s: %w", row.Domain, err)
	}
	return added, nil
}

func (s *Store) checkSchema(schema string) error {
	if err := tenantdb.CheckSchema(schema); err != nil {
		return fmt.Errorf("%w: %w", ErrInvalid, err)
	}
	for _, r := range s.reserved {
		if strings.EqualFold(r, schema) {
			return fmt.Errorf("%w: %q is reserved, ignoring case: it is a key of the TENANTS table or the clone reference; choose another schema name", ErrInvalid, r)
		}
	}
	return nil
}

func (s *Store) insertTenant(ctx context.Context, tx pgx.Tx, l layout, t NewTenant) (tenantdb.Tenant, error) {
	columns, values, args := []string{"schema_name"}, []string{"$1"}, []any{t.Schema}
	add := func(name, value string) {
		args = append(args, value)
		columns = append(columns, pgx.Identifier{name}.Sanitize())
		values = append(values, fmt.Sprintf("$%d::text::%s", len(args), l.tenant[name].typ))
	}
	if id := l.tenant["id"]; t.ID != "" {
		add("id", t.ID)
	} else if !id.filled && id.typ == "uuid" {
		// Django assigns such keys in Python, so the column has no default.
		columns, values = append(columns, "id"), append(values, "gen_random_uuid()")
	}
	for _, a := range t.Attributes {
		if _, found := l.tenant[a.Name]; !found || a.Name == "id" || a.Name == "schema_name" {
			return tenantdb.Tenant{}, fmt.Errorf("%w: %s has no attribute column %q", ErrInvalid, s.db.names.tenant.Sanitize(), a.Name)
		}
		add(a.Name, a.Value)
	}
	added := tenantdb.Tenant{Schema: t.Schema, Attributes: slices.Clone(t.Attributes)}
	slices.SortFunc(added.Attributes, func(a, b tenantdb.Attribute) int { return cmp.Compare(a.Name, b.Name) })
	err := tx.QueryRow(ctx, "INSERT INTO "+s.db.names.tenant.Sanitize()+" ("+strings.Join(columns, ", ")+") VALUES ("+
		strings.Join(values, ", ")+") RETURNING id::text", args...).Scan(&added.ID)
	return added, err
}

// RemoveTenant deletes a tenant and its domain rows. ref is its id or schema name.
// With dropSchema it also drops the schema and everything in it. The error wraps
// ErrNotFound if there is no such tenant.
func (s *Store) RemoveTenant(ctx context.Context, ref string, dropSchema bool) (tenantdb.Tenant, error) {
	var t tenantdb.Tenant
	err := s.change(ctx, func(tx pgx.Tx, _ layout) (err error) {
		if t, err = s.find(ctx, tx, ref); err != nil {
			return err
		}
		if _, err := tx.Exec(ctx, "DELETE FROM "+s.db.names.domain.Sanitize()+" WHERE tenant_id::text = $1", t.ID); err != nil {
			return err
		}
		if _, err := tx.Exec(ctx, "DELETE FROM "+s.db.names.tenant.Sanitize()+" WHERE id::text = $1", t.ID); err != nil {
			return err
		}
		if !dropSchema {
			return nil
		}
		// The schema name comes from a row that may not have been validated.
		if err := s.checkSchema(t.Schema); err != nil {
			return fmt.Errorf("the schema is not dropped: %w", err)
		}
		_, err = tx.Exec(ctx, "DROP SCHEMA IF EXISTS "+pgx.Identifier{t.Schema}.Sanitize()+" CASCADE")
		return err
	})
	return t, s.wrap("removing tenant "+ref, err)
}

// find returns the tenant with that id or schema name, and locks its row: writers
// of one tenant are serialised.
func (s *Store) find(ctx context.Context, tx pgx.Tx, ref string) (tenantdb.Tenant, error) {
	var t tenantdb.Tenant
	err := tx.QueryRow(ctx, "SELECT id::text, schema_name FROM "+s.db.names.tenant.Sanitize()+
		" WHERE upper(id::text) = upper($1) OR schema_name = $1 ORDER BY id LIMIT 1 FOR UPDATE", ref).Scan(&t.ID, &t.Schema)
	if errors.Is(err, pgx.ErrNoRows) {
		return t, fmt.Errorf("%w: no tenant has the id or schema name %q", ErrNotFound, ref)
	}
	return t, err
}

// change runs do in a transaction, with the layout of the tables.
func (s *Store) change(ctx context.Context, do func(pgx.Tx, layout) error) error {
	return pgx.BeginFunc(ctx, s.db.pool, func(tx pgx.Tx) error {
		l, err := readLayout(ctx, tx, s.db.names)
		if err != nil {
			return err
		}
		return do(tx, l)
	})
}

// wrap adds the operation to an error, and the error that callers branch on.
func (s *Store) wrap(what string, err error) error {
	if err == nil {
		return nil
	}
	var pg *pgconn.PgError
	if errors.As(err, &pg) {
		switch pg.Code {
		case "23505", "42P06": // unique_violation, duplicate_schema
			err = fmt.Errorf("%w: %w", ErrExists, err)
		case "23502", "23514", "22P02": // not_null, check, invalid text
			err = fmt.Errorf("%w: %w", ErrInvalid, err)
		}
	}
	return s.db.redact(fmt.Errorf("%s: %w", what, err))
}
