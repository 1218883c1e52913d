package postgres

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/jackc/pgx/v5"
)

// InitOptions says what Init prepares, and what Uninstall removes.
type InitOptions struct {
	DSN    string
	Tables Tables
	// DryRun makes them find out what they would do, and do nothing.
	DryRun bool
}

// Step is one thing that Init or Uninstall does.
type Step struct {
	What string // one line for people
	SQL  string // empty: there is nothing to do
}

// Init makes our own tables where there are none, with the invariants of domain
// rows as constraints and triggers, and puts the triggers that notify of
// changes on whichever tables there are. Tables that are named like a project's
// are never made: they are the project's own to make. Init does it all in one
// transaction, and what is there already it leaves. It returns what it did, or
// would do.
func Init(ctx context.Context, o InitOptions) ([]Step, error) {
	return o.run(ctx, (*initialiser).install)
}

// run has do change the database in one transaction.
func (o InitOptions) run(ctx context.Context, do func(*initialiser, context.Context, pgx.Tx) error) ([]Step, error) {
	d, err := parseDSN(o.DSN)
	if err != nil {
		return nil, err
	}
	n, err := o.Tables.parse()
	if err != nil {
		return nil, err
	}
	conn, err := d.connect(ctx)
	if err != nil {
		return nil, err
	}
	i := initialiser{names: n, dry: o.DryRun}
	err = pgx.BeginFunc(ctx, conn, func(tx pgx.Tx) error {
		// Processes that change the same database at once take turns.
		if _, err := tx.Exec(ctx, "SELECT pg_advisory_xact_lock(hashtext($1))", channel); err != nil {
			return err
		}
		return do(&i, ctx, tx)
	})
	return i.steps, d.clean(errors.Join(err, conn.Close(ctx)))
}

type initialiser struct {
	names names
	dry   bool
	steps []Step
}

func (i *initialiser) install(ctx context.Context, tx pgx.Tx) error {
	tenant, err := exists(ctx, tx, i.names.tenant)
	if err != nil {
		return err
	}
	domain, err := exists(ctx, tx, i.names.domain)
	if err != nil {
		return err
	}
	tables := i.names.tenant.Sanitize() + " and " + i.names.domain.Sanitize()
	switch {
	case tenant && domain:
		i.note("tables " + tables + " are there")
		if _, err := readLayout(ctx, tx, i.names); err != nil {
			return err
		}
	case tenant != domain:
		there, missing := i.names.tenant, i.names.domain
		if domain {
			there, missing = missing, there
		}
		return fmt.Errorf("%w: there is a table %s, but no %s; name both of the project's tables, or neither", ErrTables, there.Sanitize(), missing.Sanitize())
	case !i.names.ours():
		return fmt.Errorf("%w: expected the tables %s, which the configuration names, found neither; run the project's migrations first, or correct the names, or leave both names out to have tables of our own made",
			ErrTables, tables)
	default:
		if err := i.tables(ctx, tx); err != nil {
			return err
		}
	}
	return i.triggers(ctx, tx)
}

// tables makes our own tables.
func (i *initialiser) tables(ctx context.Context, tx pgx.Tx) error {
	for _, create := range []struct{ what, sql string }{
		{"make table " + i.names.tenant.Sanitize(), i.names.createTenants()},
		{"make table " + i.names.domain.Sanitize(), i.names.createDomains()},
		{"keep the invariants of domain rows", i.names.createInvariants()},
	} {
		if err := i.do(ctx, tx, create.what, create.sql); err != nil {
			return err
		}
	}
	return nil
}

// triggers puts the notifying triggers on both tables.
func (i *initialiser) triggers(ctx context.Context, tx pgx.Tx) error {
	var body *string
	function := i.names.notifyFunction().Sanitize()
	err := tx.QueryRow(ctx, "SELECT (SELECT prosrc FROM pg_catalog.pg_proc WHERE oid = to_regprocedure($1))", function+"()").Scan(&body)
	if err != nil {
		return err
	}
	if body != nil && *body == notifyBody {
		i.note("function " + function + " is there")
	} else if err := i.do(ctx, tx, "make function "+function, i.names.createNotify()); err != nil {
		return err
	}
	missing, err := missingTriggers(ctx, tx, i.names)
	if err != nil {
		return err
	}
	for _, t := range i.names.triggers() {
		if !slices.ContainsFunc(missing, t.is) {
			i.note("trigger " + t.String() + " is there")
		} else if err := i.do(ctx, tx, "make trigger "+t.String(), i.names.createTrigger(t)); err != nil {
			return err
		}
	}
	return nil
}

// note notes what is left as it is.
func (i *initialiser) note(what string) { i.steps = append(i.steps, Step{What: what}) }

func (i *initialiser) do(ctx context.Context, tx pgx.Tx, what, sql string) error {
	i.steps = append(i.steps, Step{what, sql})
	if i.dry {
		return nil
	}
	if _, err := tx.Exec(ctx, sql); err != nil {
		return fmt.Errorf("%s: %w", what, err)
	}
	return nil
}

func exists(ctx context.Context, q querier, table pgx.Identifier) (found bool, err error) {
	err = q.QueryRow(ctx, "SELECT to_regclass($1) IS NOT NULL", table.Sanitize()).Scan(&found)
	return found, err
}

func (n names) createTenants() string {
	var columns strings.Builder
	for _, a := range n.attributes {
		fmt.Fprintf(&columns, ",\n  %s text", pgx.Identifier{a}.Sanitize())
	}
	return fmt.Sprintf(`CREATE TABLE %s (
  id bigint GENERATED BY DEFAULT AS IDENTITY PRIMARY KEY,
  schema_name varchar(63) NOT NULL UNIQUE
    CHECK (schema_name ~ '^[_a-zA-Z][_a-zA-Z0-9]{0,62}$' AND schema_name !~* '^pg_' AND schema_name <> 'public')%s
)`, n.tenant.Sanitize(), columns.String())
}

func (n names) createDomains() string {
	return fmt.Sprintf(`CREATE TABLE %s (
  id bigint GENERATED BY DEFAULT AS IDENTITY PRIMARY KEY,
  tenant_id bigint NOT NULL REFERENCES %s (id) ON DELETE CASCADE,
  domain varchar(253) NOT NULL CHECK (domain ~ '^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?(\.[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?)*$'),
  folder varchar(253) NOT NULL DEFAULT '' CHECK (folder ~ '^[-_a-zA-Z0-9]*$'),
  is_primary boolean NOT NULL DEFAULT false,
  redirect_to_primary boolean NOT NULL DEFAULT false,
  UNIQUE (domain, folder),
  CHECK (NOT (is_primary AND redirect_to_primary))
);
CREATE INDEX ON %s (tenant_id);
CREATE UNIQUE INDEX ON %s (tenant_id) WHERE is_primary`, n.domain.Sanitize(), n.tenant.Sanitize(), n.domain.Sanitize(), n.domain.Sanitize())
}

// createInvariants makes the trigger that keeps what Django's models keep on
// save: a row saved as primary takes that from the tenant's others and loses
// its own redirect, and a tenant without a primary row gets this one. While it
// takes, a setting of the transaction tells it to leave the rows that lose
// alone; the tenant's row is locked, so that two who save take turns.
func (n names) createInvariants() string {
	function := pgx.Identifier{n.domain[0], n.domain[1] + "_invariants"}.Sanitize()
	return fmt.Sprintf(`CREATE FUNCTION %[1]s() RETURNS trigger LANGUAGE plpgsql AS $invariants$
BEGIN
  IF current_setting('tenantedge.demoting', true) = 'on' THEN
    RETURN NEW;
  END IF;
  PERFORM FROM %[3]s WHERE id = NEW.tenant_id FOR NO KEY UPDATE;
  IF NOT NEW.is_primary THEN
    NEW.is_primary := NOT EXISTS (SELECT FROM %[2]s WHERE tenant_id = NEW.tenant_id AND is_primary AND id <> NEW.id);
  END IF;
  IF NEW.is_primary THEN
    NEW.redirect_to_primary := false;
    PERFORM set_config('tenantedge.demoting', 'on', true);
    UPDATE %[2]s SET is_primary = false WHERE tenant_id = NEW.tenant_id AND is_primary AND id <> NEW.id;
    PERFORM set_config('tenantedge.demoting', 'off', true);
  END IF;
  RETURN NEW;
END
$invariants$;
CREATE TRIGGER tenantedge_invariants BEFORE INSERT OR UPDATE ON %[2]s
FOR EACH ROW EXECUTE FUNCTION %[1]s()`, function, n.domain.Sanitize(), n.tenant.Sanitize())
}
