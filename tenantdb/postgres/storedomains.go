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

// AddDomain writes a domain row of the tenant that ref names by id or schema
// name, and returns it as it was written: the tenant's first row is primary
// whatever it says.
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
	return row, s.named("adding domain "+row.Domain, err)
}

// insertDomain writes a row of row.TenantID, and corrects row where it is the
// tenant's first.
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
		// Our own trigger would make the row that loses primary again, as
		// no row is for a moment.
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

// RemoveDomain deletes the row (domain, folder) and returns the rows that its
// tenant has left, the primary one first. If the row was the only primary one,
// another becomes primary: the first by key, preferably of those that do not
// redirect.
func (s *Store) RemoveDomain(ctx context.Context, domain, folder string) ([]tenantdb.Domain, error) {
	var left []tenantdb.Domain
	err := s.change(ctx, func(tx pgx.Tx, l layout) (err error) {
		left, err = s.deleteDomain(ctx, tx, l, domain, folder)
		return err
	})
	return left, s.named("removing domain "+domain, err)
}

func (s *Store) deleteDomain(ctx context.Context, tx pgx.Tx, l layout, domain, folder string) ([]tenantdb.Domain, error) {
	table := s.db.names.domain.Sanitize()
	const row = " WHERE domain = $1 AND folder = $2"
	var id string
	err := tx.QueryRow(ctx, "SELECT tenant_id::text FROM "+table+row, domain, folder).Scan(&id)
	if err == nil {
		// Writers of a tenant's rows take turns, as in find.
		_, err = tx.Exec(ctx, "SELECT FROM "+s.db.names.tenant.Sanitize()+" WHERE id::text = $1 FOR UPDATE", id)
	}
	if err == nil {
		err = tx.QueryRow(ctx, "DELETE FROM "+table+row+" AND tenant_id::text = $3 RETURNING tenant_id::text", domain, folder, id).Scan(&id)
	}
	if errors.Is(err, pgx.ErrNoRows) {
		return nil, fmt.Errorf("%w: there is no row with domain %q and folder %q", ErrNotFound, domain, folder)
	}
	if err != nil {
		return nil, err
	}
	left, err := s.domainsOf(ctx, tx, l, id)
	if err != nil || len(left) == 0 || left[0].IsPrimary {
		return left, err
	}
	left[0].IsPrimary, left[0].RedirectToPrimary = true, false
	set := "is_primary = true"
	if _, found := l.domain["redirect_to_primary"]; found {
		set += ", redirect_to_primary = false"
	}
	_, err = tx.Exec(ctx, "UPDATE "+table+" SET "+set+row, left[0].Domain, left[0].Folder)
	return left, err
}

// domainsOf reads the rows of a tenant: primary ones first, those that redirect
// last.
func (s *Store) domainsOf(ctx context.Context, tx pgx.Tx, l layout, id string) ([]tenantdb.Domain, error) {
	rows, err := tx.Query(ctx, "SELECT "+l.domainColumns()+" FROM "+s.db.names.domain.Sanitize()+" d WHERE d.tenant_id::text = $1 ORDER BY d.id", id)
	if err != nil {
		return nil, err
	}
	all, err := scanDomains(rows)
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
