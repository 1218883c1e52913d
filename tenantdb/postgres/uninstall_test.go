package postgres_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/tenantedge/tenantedge/tenantdb/postgres"
	"github.com/tenantedge/tenantedge/tenantdb/postgres/pgtest"
)

const (
	userTriggers  = `SELECT tgrelid::regclass || ' ' || tgname FROM pg_trigger WHERE NOT tgisinternal ORDER BY 1`
	userFunctions = `SELECT proname::text FROM pg_proc WHERE pronamespace = 'public'::regnamespace ORDER BY 1`
	userTables    = `SELECT relname::text FROM pg_class WHERE relnamespace = 'public'::regnamespace AND relkind = 'r' ORDER BY 1`
)

func TestConfiguredTablesAreNeverCreated_F1(t *testing.T) {
	for _, c := range []struct {
		name, before string
		tables       postgres.Tables
		want         string
	}{
		{"before the project's migrations", "SELECT 1", django, "run the project's migrations first"},
		{"both names misspelt", djangoTables, postgres.Tables{Tenant: "customer_tenant", Domain: "customer_domain"}, "found neither"},
		{"one name misspelt", djangoTables, postgres.Tables{Tenant: "customers_tenant", Domain: "customer_domain"}, "customer_domain"},
		{"one of our own names", "SELECT 1", postgres.Tables{Domain: "customers_domain"}, "found neither"},
		{"another schema", djangoTables, postgres.Tables{Tenant: "elsewhere.customers_tenant", Domain: "elsewhere.customers_domain"}, "found neither"},
	} {
		t.Run(c.name, func(t *testing.T) {
			dsn := pgtest.Start(t).NewDB(t)
			exec(t, dsn, c.before)
			before := query(t, dsn, userTables)
			for _, dry := range []bool{true, false} {
				_, err := open(t, postgres.Config{DSN: dsn, Tables: c.tables}).Init(t.Context(), dry)
				if !errors.Is(err, postgres.ErrTables) || !strings.Contains(err.Error(), c.want) {
					t.Errorf("dry %v: %v", dry, err)
				}
			}
			if after := query(t, dsn, userTables); len(after) != len(before) {
				t.Errorf("tables: %v, before %v", after, before)
			}
			if made := query(t, dsn, userTriggers); len(made) != 0 {
				t.Errorf("triggers were made: %v", made)
			}
		})
	}
}

func TestTheDefaultTablesMayBeInAnySchema_F1(t *testing.T) {
	dsn := pgtest.Start(t).NewDB(t)
	exec(t, dsn, "CREATE SCHEMA edge")
	initialise(t, dsn, postgres.Tables{Tenant: "edge.tenantedge_tenant", Domain: "edge.tenantedge_domain"})
	exec(t, dsn, "INSERT INTO edge.tenantedge_tenant (schema_name) VALUES ('t1')")
}

func TestUninstallRemovesWhatInitPutOnTables_F1(t *testing.T) {
	for _, c := range []struct {
		name, before, between string
		tables                postgres.Tables
		removed               int
		triggers, functions   string
	}{
		{"a project's tables", djangoTables, "SELECT 1", django, 8 + 1, "", ""},
		{"a table that was renamed", djangoTables, `ALTER TABLE customers_domain RENAME TO old; CREATE TABLE customers_domain (LIKE old INCLUDING ALL)`, django, 8 + 1, "", ""},
		{"tables that were dropped", djangoTables, `DROP TABLE customers_domain, customers_tenant CASCADE`, django, 1, "", ""},
		{"our own tables keep their invariants", "SELECT 1", "SELECT 1", own, 8 + 1,
			"tenantedge_domain tenantedge_invariants", "tenantedge_domain_invariants"},
		{"triggers of other tables keep the function", djangoTables,
			`CREATE TABLE other (id int); CREATE TRIGGER t AFTER TRUNCATE ON other EXECUTE FUNCTION tenantedge_notify('public.other', 'id')`,
			django, 8, "other t", "tenantedge_notify"},
		{"nothing was put there", djangoTables, `DROP FUNCTION tenantedge_notify CASCADE`, django, 0, "", ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			dsn := pgtest.Start(t).NewDB(t)
			exec(t, dsn, c.before)
			initialise(t, dsn, c.tables)
			exec(t, dsn, c.between)
			tables, triggers := query(t, dsn, userTables), query(t, dsn, userTriggers)
			db := open(t, postgres.Config{DSN: dsn, Tables: c.tables})
			dry, err := db.Uninstall(t.Context(), true)
			if err != nil {
				t.Fatal(err)
			}
			if got := query(t, dsn, userTriggers); len(got) != len(triggers) {
				t.Errorf("a dry run left %v of %v", got, triggers)
			}
			steps, err := db.Uninstall(t.Context(), false)
			if err != nil || changesOf(steps) != c.removed || changesOf(dry) != c.removed {
				t.Errorf("%v: removed %d, dry %d, want %d: %v", err, changesOf(steps), changesOf(dry), c.removed, steps)
			}
			if got := strings.Join(query(t, dsn, userTriggers), "|"); got != c.triggers {
				t.Errorf("triggers: %s, want %s", got, c.triggers)
			}
			if got := strings.Join(query(t, dsn, userFunctions), "|"); got != c.functions {
				t.Errorf("functions: %s, want %s", got, c.functions)
			}
			if got := query(t, dsn, userTables); len(got) != len(tables) {
				t.Errorf("tables: %v, before %v", got, tables)
			}
			if again, err := db.Uninstall(t.Context(), false); err != nil || changesOf(again) != 0 {
				t.Errorf("the second time: %v, %v", again, err)
			}
		})
	}
}
