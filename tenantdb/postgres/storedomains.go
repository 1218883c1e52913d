package postgres

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/jackc/pgx/v5"

	"github.com/tenantedge/tenantedge/tenantdb"
)

// AddDomain inserts a domain row of the tenant with the id or schema name ref, and
// returns the row as inserted: the first row of a tenant is always primary.
// Errors wrap ErrInvalid, ErrExists, ErrNotFound or ErrTables.
func (s *Store) AddDomain(ctx context.Context, ref string, row tenantdb.Domain) (tenantdb.Domain, error) {
	err := checkDomain(row)
	if err == nil {
		err = s.change(ctx, func(tx pgx.Tx, l layout) error {
			t, err := s.find(ctx, tx, ref)
			if err != nil {
				return err
			}
			row.TenantID = t.ID
			return s.insertDomain(ctx, tx, l, &row)
		})
	}
	return row, s.wrap("adding domain "+row.Domain, err)
}

// insertDomain inserts row, and makes it primary if it is the tenant's first.
func (s *Store) insertDomain(ctx context.Context, tx pgx.Tx, l layout, row *tenantdb.Domain) error {
	table := s.db.names.domain.Sanitize()
	if !row.IsPrimary {
		err := tx.QueryRow(ctx, "SELECT NOT EXISTS (SELECT FROM "+table+" WHERE tenant_id::text = $1 AND is_primary)", row.TenantID).Scan(&row.IsPrimary)
		if err != nil {
			return err
		}
	}
	if row.IsPrimary {
		row.RedirectToPrimary = false
		// The setting disables our trigger, which would make the other row
		// primary again because for a moment none is.
		_, err := tx.Exec(ctx, "SELECT set_config('tenantedge.demoting', 'on', true)")
		if err == nil {
			_, err = tx.Exec(ctx, "UPDATE "+table+" SET is_primary = false WHERE tenant_id::text = $1 AND is_primary", row.TenantID)
		}
		if err == nil {
			_, err = tx.Exec(ctx, "SELECT set_config('tenantedge.demoting', 'off', true)")
		}
		if err != nil {
			return err
		}
	}
	columns, values := "tenant_id, domain, folder, is_primary", "$1::text::"+l.domain["tenant_id"].typ+", $2, $3, $4"
	args := []any{row.TenantID, row.Domain, row.Folder, row.IsPrimary}
	if _, found := l.domain["redirect_to_primary"]; found {
		columns, values, args = columns+", redirect_to_primary", values+", $5", append(args, row.RedirectToPrimary)
	} else if row.RedirectToPrimary {
		return fmt.Errorf("%w: %s has no column redirect_to_primary", ErrInvalid, table)
	}
	if id := l.domain["id"]; !id.filled && id.typ == "uuid" {
		columns, values = columns+", id", values+", gen_random_uuid()"
	}
	_, err := tx.Exec(ctx, "INSERT INTO "+table+" ("+columns+") VALUES ("+values+")", args...)
	return err
}

// RemoveDomain deletes the row (domain, folder) and returns the remaining rows of
// its tenant, the primary one first. If the deleted row was the only primary one,
// the first other row by primary key becomes primary, preferably one that does
// not redirect. The error wraps ErrNotFound if there is no such row.
func (s *Store) RemoveDomain(ctx context.Context, domain, folder string) ([]tenantdb.Domain, error) {
	var rest []tenantdb.Domain
	err := s.change(ctx, func(tx pgx.Tx, l layout) (err error) {
		rest, err = s.deleteDomain(ctx, tx, l, domain, folder)
		return err
	})
	return rest, s.wrap("removing domain "+domain, err)
}

func (s *Store) deleteDomain(ctx context.Context, tx pgx.Tx, l layout, domain, folder string) ([]tenantdb.Domain, error) {
	table := s.db.names.domain.Sanitize()
	const row = " WHERE domain = $1 AND folder = $2"
	var id string
	err := tx.QueryRow(ctx, "SELECT tenant_id::text FROM "+table+row, domain, folder).Scan(&id)
	if err == nil {
		// This lock serialises writers of one tenant, as in find.
		_, err = tx.Exec(ctx, "SELECT FROM "+s.db.names.tenant.Sanitize()+" WHERE id::text = $1 FOR UPDATE", id)
	}
	if err == nil {
		err = tx.QueryRow(ctx, "DELETE FROM "+table+row+" AND tenant_id::text = $3 RETURNING tenant_id::text", domain, folder, id).Scan(&id)
	}
	if errors.Is(err, pgx.ErrNoRows) {
		return nil, fmt.Errorf("%w: no row has domain %q and folder %q", ErrNotFound, domain, folder)
	}
	if err != nil {
		return nil, err
	}
	rest, err := s.domainsOf(ctx, tx, l, id)
	if err != nil || len(rest) == 0 || rest[0].IsPrimary {
		return rest, err
	}
	rest[0].IsPrimary, rest[0].RedirectToPrimary = true, false
	set := "is_primary = true"
	if _, found := l.domain["redirect_to_primary"]; found {
		set += ", redirect_to_primary = false"
	}
	_, err = tx.Exec(ctx, "UPDATE "+table+" SET "+set+row, rest[0].Domain, rest[0].Folder)
	return rest, err
}

// domainsOf reads the rows of a tenant: primary rows first, those that redirect
// last.
func (s *Store) domainsOf(ctx context.Context, tx pgx.Tx, l layout, id string) ([]tenantdb.Domain, error) {
	rows, err := tx.Query(ctx, "SELECT "+l.domainColumns()+" FROM "+s.db.names.domain.Sanitize()+" d WHERE d.tenant_id::text = $1 ORDER BY d.id", id)
	if err != nil {
		return nil, err
	}
	all, err := scanDomains(rows, 0)
	rank := func(d tenantdb.Domain) int {
		switch {
		case d.IsPrimary:
			return 0
		case d.RedirectToPrimary:
			return 2
		}
		return 1
	}
	slices.SortStableFunc(all, func(a, b tenantdb.Domain) int { return rank(a) - rank(b) })
	return all, err
}

func checkDomain(row tenantdb.Domain) error {
	if err := cmp.Or(tenantdb.CheckDomain(row.Domain), tenantdb.CheckFolder(row.Folder)); err != nil {
		return fmt.Errorf("%w: %w", ErrInvalid, err)
	}
	return nil
}
