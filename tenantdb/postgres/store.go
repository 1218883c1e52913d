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

// StoreOptions is what a Store is made of.
type StoreOptions struct {
	DSN    string
	Tables Tables
	// Reserved are schema names that no new tenant may have, compared
	// ignoring case: the keys of the TENANTS table and the clone reference.
	Reserved []string
}

// Store writes tenants and domain rows, of our own tables or of a Django
// project's, with the invariants that Django's models keep.
type Store struct {
	dsn      dsn
	pool     *pgxpool.Pool
	names    names
	reserved []string
}

// Errors to branch on.
var (
	ErrNotFound = errors.New("not found")
	ErrExists   = errors.New("exists already")
	ErrInvalid  = errors.New("not valid")
)

// NewTenant is what AddTenant writes.
type NewTenant struct {
	Schema     string
	ID         string // empty: the database gives one
	Attributes []tenantdb.Attribute
	NoSchema   bool // the schema is made elsewhere; only the row is written
}

// NewStore checks the options. It does not connect.
func NewStore(o StoreOptions) (*Store, error) {
	d, err := parseDSN(o.DSN)
	if err != nil {
		return nil, err
	}
	n, err := o.Tables.parse()
	if err != nil {
		return nil, err
	}
	p, err := d.pool(2)
	if err != nil {
		return nil, err
	}
	return &Store{d, p, n, o.Reserved}, nil
}

// Close ends the store's connections.
func (s *Store) Close() error {
	s.pool.Close()
	return nil
}

// List reads all tenants with their domain rows, by primary key.
func (s *Store) List(ctx context.Context) (tenantdb.State, error) {
	var state tenantdb.State
	src := Source{names: s.names}
	err := s.pool.AcquireFunc(ctx, func(c *pgxpool.Conn) error {
		l, err := readLayout(ctx, c, s.names)
		if err != nil {
			return err
		}
		state, err = src.readAll(ctx, c.Conn(), l)
		return err
	})
	return state, s.dsn.clean(err)
}

// AddTenant writes a tenant's row and makes its schema, both or neither.
func (s *Store) AddTenant(ctx context.Context, t NewTenant) (tenantdb.Tenant, error) {
	var added tenantdb.Tenant
	err := s.checkSchema(t.Schema)
	if err == nil {
		err = s.change(ctx, func(tx pgx.Tx, l layout) error {
			if added, err = s.insertTenant(ctx, tx, l, t); err != nil || t.NoSchema {
				return err
			}
			if _, err := tx.Exec(ctx, "CREATE SCHEMA "+pgx.Identifier{t.Schema}.Sanitize()); err != nil {
				return fmt.Errorf("making schema %q: %w", t.Schema, err)
			}
			return nil
		})
	}
	return added, s.named("adding tenant "+t.Schema, err)
}

func (s *Store) checkSchema(schema string) error {
	if err := tenantdb.CheckSchema(schema); err != nil {
		return fmt.Errorf("%w: %w", ErrInvalid, err)
	}
	for _, r := range s.reserved {
		if strings.EqualFold(r, schema) {
			return fmt.Errorf("%w: %q is a key of the TENANTS table or the clone reference (ignoring case); choose another schema name", ErrInvalid, r)
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
		// Django gives such keys in Python, so the column has no default.
		columns, values = append(columns, "id"), append(values, "gen_random_uuid()")
	}
	for _, a := range t.Attributes {
		if _, found := l.tenant[a.Name]; !found || a.Name == "id" || a.Name == "schema_name" {
			return tenantdb.Tenant{}, fmt.Errorf("%w: %s has no further column %q", ErrInvalid, s.names.tenant.Sanitize(), a.Name)
		}
		add(a.Name, a.Value)
	}
	added := tenantdb.Tenant{Schema: t.Schema, Attributes: slices.Clone(t.Attributes)}
	slices.SortFunc(added.Attributes, func(a, b tenantdb.Attribute) int { return cmp.Compare(a.Name, b.Name) })
	err := tx.QueryRow(ctx, "INSERT INTO "+s.names.tenant.Sanitize()+" ("+strings.Join(columns, ", ")+") VALUES ("+
		strings.Join(values, ", ")+") RETURNING id::text", args...).Scan(&added.ID)
	return added, err
}

// RemoveTenant deletes a tenant, found by id or schema name, and its domain
// rows. Its schema, with all that is in it, goes only if dropSchema says so.
func (s *Store) RemoveTenant(ctx context.Context, ref string, dropSchema bool) (tenantdb.Tenant, error) {
	var t tenantdb.Tenant
	err := s.change(ctx, func(tx pgx.Tx, _ layout) (err error) {
		if t, err = s.find(ctx, tx, ref); err != nil {
			return err
		}
		if _, err := tx.Exec(ctx, "DELETE FROM "+s.names.domain.Sanitize()+" WHERE tenant_id::text = $1", t.ID); err != nil {
			return err
		}
		if _, err := tx.Exec(ctx, "DELETE FROM "+s.names.tenant.Sanitize()+" WHERE id::text = $1", t.ID); err != nil {
			return err
		}
		if !dropSchema {
			return nil
		}
		// What stands in the row may never have been checked.
		if err := s.checkSchema(t.Schema); err != nil {
			return fmt.Errorf("its schema is not dropped: %w", err)
		}
		_, err = tx.Exec(ctx, "DROP SCHEMA IF EXISTS "+pgx.Identifier{t.Schema}.Sanitize()+" CASCADE")
		return err
	})
	return t, s.named("removing tenant "+ref, err)
}

// AddDomain writes a domain row of the tenant that ref names by id or schema
// name, and returns it as it was written: the tenant's first row is primary
// whatever it says.
func (s *Store) AddDomain(ctx context.Context, ref string, row tenantdb.Domain) (tenantdb.Domain, error) {
	err := cmp.Or(tenantdb.CheckDomain(row.Domain), tenantdb.CheckFolder(row.Folder))
	if err != nil {
		err = fmt.Errorf("%w: %w", ErrInvalid, err)
	} else {
		err = s.change(ctx, func(tx pgx.Tx, l layout) error { return s.insertDomain(ctx, tx, l, ref, &row) })
	}
	return row, s.named("adding domain "+row.Domain, err)
}

func (s *Store) insertDomain(ctx context.Context, tx pgx.Tx, l layout, ref string, row *tenantdb.Domain) error {
	t, err := s.find(ctx, tx, ref)
	if err != nil {
		return err
	}
	row.TenantID = t.ID
	table := s.names.domain.Sanitize()
	if !row.IsPrimary {
		err := tx.QueryRow(ctx, "SELECT NOT EXISTS (SELECT FROM "+table+" WHERE tenant_id::text = $1 AND is_primary)", t.ID).Scan(&row.IsPrimary)
		if err != nil {
			return err
		}
	}
	if row.IsPrimary {
		row.RedirectToPrimary = false
		// Our own trigger would make the row that loses primary again, as
		// nobody is for a moment.
		_, err := tx.Exec(ctx, "SELECT set_config('tenantedge.demoting', 'on', true)")
		if err == nil {
			_, err = tx.Exec(ctx, "UPDATE "+table+" SET is_primary = false WHERE tenant_id::text = $1 AND is_primary", t.ID)
		}
		if err == nil {
			_, err = tx.Exec(ctx, "SELECT set_config('tenantedge.demoting', 'off', true)")
		}
		if err != nil {
			return err
		}
	}
	columns, values := "tenant_id, domain, folder, is_primary", "$1::text::"+l.domain["tenant_id"].typ+", $2, $3, $4"
	args := []any{t.ID, row.Domain, row.Folder, row.IsPrimary}
	if _, found := l.domain["redirect_to_primary"]; found {
		columns, values, args = columns+", redirect_to_primary", values+", $5", append(args, row.RedirectToPrimary)
	} else if row.RedirectToPrimary {
		return fmt.Errorf("%w: %s has no column redirect_to_primary", ErrInvalid, table)
	}
	if id := l.domain["id"]; !id.filled && id.typ == "uuid" {
		columns, values = columns+", id", values+", gen_random_uuid()"
	}
	_, err = tx.Exec(ctx, "INSERT INTO "+table+" ("+columns+") VALUES ("+values+")", args...)
	return err
}

// RemoveDomain deletes the row (domain, folder).
func (s *Store) RemoveDomain(ctx context.Context, domain, folder string) error {
	err := s.change(ctx, func(tx pgx.Tx, _ layout) error {
		tag, err := tx.Exec(ctx, "DELETE FROM "+s.names.domain.Sanitize()+" WHERE domain = $1 AND folder = $2", domain, folder)
		if err == nil && tag.RowsAffected() == 0 {
			err = fmt.Errorf("%w: there is no row with domain %q and folder %q", ErrNotFound, domain, folder)
		}
		return err
	})
	return s.named("removing domain "+domain, err)
}

// find locks the tenant that ref names, so that two who write take turns.
func (s *Store) find(ctx context.Context, tx pgx.Tx, ref string) (tenantdb.Tenant, error) {
	var t tenantdb.Tenant
	err := tx.QueryRow(ctx, "SELECT id::text, schema_name FROM "+s.names.tenant.Sanitize()+
		" WHERE upper(id::text) = upper($1) OR schema_name = $1 ORDER BY id LIMIT 1 FOR UPDATE", ref).Scan(&t.ID, &t.Schema)
	if errors.Is(err, pgx.ErrNoRows) {
		return t, fmt.Errorf("%w: no tenant has %q as id or schema name", ErrNotFound, ref)
	}
	return t, err
}

func (s *Store) change(ctx context.Context, do func(pgx.Tx, layout) error) error {
	return pgx.BeginFunc(ctx, s.pool, func(tx pgx.Tx) error {
		l, err := readLayout(ctx, tx, s.names)
		if err != nil {
			return err
		}
		return do(tx, l)
	})
}

// named gives an error of the database its place and its kind.
func (s *Store) named(what string, err error) error {
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
	return s.dsn.clean(fmt.Errorf("%s: %w", what, err))
}
