package postgres

import (
	"context"
	"fmt"

	"github.com/jackc/pgx/v5"
)

// Uninstall removes the triggers that Init installed to notify of changes, also
// from tables that have been renamed since, and their function unless other
// tables use it. Tables, rows and invariants stay. All of it is one transaction.
// With dryRun Uninstall changes nothing. It returns the steps.
func (db *DB) Uninstall(ctx context.Context, dryRun bool) ([]Step, error) {
	return db.run(ctx, dryRun, (*initialiser).uninstall)
}

func (i *initialiser) uninstall(ctx context.Context, tx pgx.Tx) error {
	ours, others, err := installed(ctx, tx, i.names)
	if err != nil {
		return err
	}
	for _, t := range ours {
		table, name := t[:2].Sanitize(), t[2:].Sanitize()
		if err := i.do(ctx, tx, "drop trigger "+t[2]+" on "+table, "DROP TRIGGER "+name+" ON "+table); err != nil {
			return err
		}
	}
	function := i.names.notifyFunction().Sanitize() + "()"
	var found bool
	if err := tx.QueryRow(ctx, "SELECT to_regprocedure($1) IS NOT NULL", function).Scan(&found); err != nil {
		return err
	}
	switch {
	case !found:
		i.note("function " + function + " does not exist")
	case others > 0:
		i.note(fmt.Sprintf("function %s is kept: %d triggers of other tables use it", function, others))
	default:
		if err := i.do(ctx, tx, "drop function "+function, "DROP FUNCTION "+function); err != nil {
			return err
		}
	}
	for _, table := range []pgx.Identifier{i.names.tenant, i.names.domain} {
		found, err := exists(ctx, tx, table)
		if err != nil {
			return err
		}
		if found {
			i.note("table " + table.Sanitize() + " is kept, with its rows")
		} else {
			i.note("table " + table.Sanitize() + " does not exist")
		}
	}
	return nil
}

// installed returns the triggers that notify of changes of our tables, each as
// schema, table and name, and the number of those of other tables.
func installed(ctx context.Context, q querier, n names) (ours []pgx.Identifier, others int, err error) {
	rows, err := q.Query(ctx, `
		SELECT s.nspname::text, c.relname::text, g.tgname::text,
		       c.oid IN (to_regclass($2), to_regclass($3)) OR substring(g.tgargs FROM 1 FOR octet_length(k.key)) = k.key
		FROM pg_catalog.pg_trigger g
		JOIN pg_catalog.pg_class c ON c.oid = g.tgrelid
		JOIN pg_catalog.pg_namespace s ON s.oid = c.relnamespace
		CROSS JOIN (SELECT convert_to($4, getdatabaseencoding()) || '\x00'::bytea AS key) k
		WHERE g.tgfoid = to_regprocedure($1)
		ORDER BY 1, 2, 3`, n.notifyFunction().Sanitize()+"()", n.tenant.Sanitize(), n.domain.Sanitize(), n.key())
	if err != nil {
		return nil, 0, err
	}
	var schema, table, name string
	var own bool
	_, err = pgx.ForEachRow(rows, []any{&schema, &table, &name, &own}, func() error {
		if own {
			ours = append(ours, pgx.Identifier{schema, table, name})
		} else {
			others++
		}
		return nil
	})
	return ours, others, err
}
