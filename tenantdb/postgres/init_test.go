package postgres_test

import (
	"strings"
	"sync"
	"testing"

	"github.com/jackc/pgx/v5"

	"github.com/tenantedge/tenantedge/tenantdb/postgres"
	"github.com/tenantedge/tenantedge/tenantdb/postgres/pgtest"
)

func query(t testing.TB, dsn, sql string) []string {
	t.Helper()
	conn, err := pgx.Connect(t.Context(), dsn)
	if err != nil {
		t.Fatal(err)
	}
	rows, err := conn.Query(t.Context(), sql)
	if err != nil {
		t.Fatal(err)
	}
	lines, err := pgx.CollectRows(rows, pgx.RowTo[string])
	if err != nil {
		t.Fatal(err)
	}
	if err := conn.Close(t.Context()); err != nil {
		t.Fatal(err)
	}
	return lines
}

func changesOf(steps []postgres.Step) (n int) {
	for _, s := range steps {
		if s.SQL != "" {
			n++
		}
	}
	return n
}

func TestInitCreatesOnlyWhatIsMissing(t *testing.T) {
	for _, c := range []struct {
		name, before  string
		tables        postgres.Tables
		first, second int
	}{
		{"an empty database gets tables and triggers", "SELECT 1", own, 3 + 1 + 8, 0},
		{"a Django project gets only triggers", djangoTables, django, 1 + 8, 0},
	} {
		t.Run(c.name, func(t *testing.T) {
			dsn := pgtest.Start(t).NewDB(t)
			exec(t, dsn, c.before)
			dry, err := open(t, postgres.Config{DSN: dsn, Tables: c.tables}).Init(t.Context(), true)
			if err != nil {
				t.Fatal(err)
			}
			if n := len(query(t, dsn, "SELECT tgname::text FROM pg_trigger WHERE NOT tgisinternal")); n != 0 {
				t.Errorf("a dry run made %d triggers", n)
			}
			first := initialise(t, dsn, c.tables)
			if changesOf(first) != c.first || changesOf(dry) != c.first {
				t.Errorf("made %d, dry %d, want %d: %v", changesOf(first), changesOf(dry), c.first, first)
			}
			for i, s := range first {
				if s != dry[i] {
					t.Errorf("step %d: %v, dry %v", i, s, dry[i])
				}
			}
			if again := initialise(t, dsn, c.tables); changesOf(again) != c.second || len(again) == 0 {
				t.Errorf("the second time: %v", again)
			}
			exec(t, dsn, "ALTER TABLE "+strings.TrimPrefix(tableOf(c.tables), "public.")+" DISABLE TRIGGER tenantedge_update")
			if again := initialise(t, dsn, c.tables); changesOf(again) != 1 {
				t.Errorf("after one was disabled: %v", again)
			}
		})
	}
}

func tableOf(tables postgres.Tables) string {
	if tables.Domain == "" {
		return "tenantedge_domain"
	}
	return tables.Domain
}

func TestTheStepsOfADryRunCanBeRunByHand(t *testing.T) {
	dsn := pgtest.Start(t).NewDB(t)
	steps, err := open(t, postgres.Config{DSN: dsn, Tables: own}).Init(t.Context(), true)
	if err != nil {
		t.Fatal(err)
	}
	for _, s := range steps {
		exec(t, dsn, s.SQL)
	}
	if again := initialise(t, dsn, own); changesOf(again) != 0 {
		t.Errorf("steps remain: %v", again)
	}
}

func TestInitRejectsAnIncompleteProject(t *testing.T) {
	dsn := pgtest.Start(t).NewDB(t)
	exec(t, dsn, djangoTables)
	_, err := open(t, postgres.Config{DSN: dsn, Tables: postgres.Tables{Tenant: "customers_tenant"}}).Init(t.Context(), false)
	if err == nil || !strings.Contains(err.Error(), "name both") {
		t.Errorf("error: %v", err)
	}
	if n := query(t, dsn, "SELECT count(*)::text FROM pg_trigger WHERE NOT tgisinternal"); n[0] != "0" {
		t.Errorf("%s triggers were made", n)
	}
}

func TestInvariantsOfDomainRows(t *testing.T) {
	rows := `SELECT tenant_id || ' ' || domain || '/' || folder || CASE WHEN is_primary THEN ' primary' ELSE '' END
		|| CASE WHEN redirect_to_primary THEN ' redirect' ELSE '' END FROM tenantedge_domain ORDER BY id`
	for _, c := range []struct{ name, sql, want string }{
		{"the first row is primary", `INSERT INTO tenantedge_domain (tenant_id, domain, redirect_to_primary) VALUES (1, 'a', true)`, "1 a/ primary"},
		{"the second is not", `INSERT INTO tenantedge_domain (tenant_id, domain) VALUES (1, 'a'), (1, 'b')`, "1 a/ primary|1 b/"},
		{"a redirect stays on what is not primary", `INSERT INTO tenantedge_domain (tenant_id, domain) VALUES (1, 'a');
			INSERT INTO tenantedge_domain (tenant_id, domain, redirect_to_primary) VALUES (1, 'b', true)`, "1 a/ primary|1 b/ redirect"},
		{"a new primary row takes it from the other", `INSERT INTO tenantedge_domain (tenant_id, domain) VALUES (1, 'a');
			INSERT INTO tenantedge_domain (tenant_id, domain, is_primary) VALUES (1, 'b', true)`, "1 a/|1 b/ primary"},
		{"so does an update, and it clears the redirect", `INSERT INTO tenantedge_domain (tenant_id, domain) VALUES (1, 'a');
			INSERT INTO tenantedge_domain (tenant_id, domain, redirect_to_primary) VALUES (1, 'b', true);
			UPDATE tenantedge_domain SET is_primary = true WHERE domain = 'b'`, "1 a/|1 b/ primary"},
		{"an update cannot leave a tenant without a primary row", `INSERT INTO tenantedge_domain (tenant_id, domain) VALUES (1, 'a'), (1, 'b');
			UPDATE tenantedge_domain SET is_primary = false`, "1 a/ primary|1 b/"},
		{"tenants are independent", `INSERT INTO tenantedge_domain (tenant_id, domain) VALUES (1, 'a'), (2, 'b')`, "1 a/ primary|2 b/ primary"},
		{"a row that moves to a tenant that has none is primary there", `INSERT INTO tenantedge_domain (tenant_id, domain) VALUES (1, 'a'), (1, 'b');
			UPDATE tenantedge_domain SET tenant_id = 2 WHERE domain = 'b'`, "1 a/ primary|2 b/ primary"},
		{"a tenant's rows go with it", `INSERT INTO tenantedge_domain (tenant_id, domain) VALUES (1, 'a'), (2, 'b'); DELETE FROM tenantedge_tenant WHERE id = 1`, "2 b/ primary"},
	} {
		t.Run(c.name, func(t *testing.T) {
			dsn := pgtest.Start(t).NewDB(t)
			initialise(t, dsn, own)
			exec(t, dsn, `INSERT INTO tenantedge_tenant (schema_name) VALUES ('t1'), ('t2')`, c.sql)
			if got := strings.Join(query(t, dsn, rows), "|"); got != c.want {
				t.Errorf("got %s, want %s", got, c.want)
			}
		})
	}
}

func TestRowsThatAreNotValidAreRefusedOnWrite(t *testing.T) {
	dsn := pgtest.Start(t).NewDB(t)
	initialise(t, dsn, own)
	exec(t, dsn, `INSERT INTO tenantedge_tenant (schema_name) VALUES ('t1')`, `INSERT INTO tenantedge_domain (tenant_id, domain) VALUES (1, 'a')`)
	for _, sql := range []string{
		`INSERT INTO tenantedge_tenant (schema_name) VALUES ('public')`,
		`INSERT INTO tenantedge_tenant (schema_name) VALUES ('Pg_x')`,
		`INSERT INTO tenantedge_tenant (schema_name) VALUES ('1a')`,
		`INSERT INTO tenantedge_tenant (schema_name) VALUES ('t1')`,
		`INSERT INTO tenantedge_domain (tenant_id, domain) VALUES (1, 'a')`,
		`INSERT INTO tenantedge_domain (tenant_id, domain) VALUES (1, 'A')`,
		`INSERT INTO tenantedge_domain (tenant_id, domain) VALUES (1, 'a b')`,
		`INSERT INTO tenantedge_domain (tenant_id, domain) VALUES (1, E'a\n')`,
		`INSERT INTO tenantedge_domain (tenant_id, domain) VALUES (1, '')`,
		`INSERT INTO tenantedge_domain (tenant_id, domain) VALUES (9, 'b')`,
		`INSERT INTO tenantedge_domain (tenant_id, domain, folder) VALUES (1, 'b', 'x/y')`,
		`INSERT INTO tenantedge_domain (tenant_id, domain) VALUES (1, repeat('a', 254))`,
	} {
		conn, err := pgx.Connect(t.Context(), dsn)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := conn.Exec(t.Context(), sql); err == nil {
			t.Errorf("accepted: %s", sql)
		}
		if err := conn.Close(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
}

func TestConcurrentSavesOfPrimaryRowsLeaveOne(t *testing.T) {
	dsn := pgtest.Start(t).NewDB(t)
	initialise(t, dsn, own)
	exec(t, dsn, `INSERT INTO tenantedge_tenant (schema_name) VALUES ('t1')`)
	var writers sync.WaitGroup
	for w := range 4 {
		writers.Go(func() {
			for i := range 10 {
				exec(t, dsn, `INSERT INTO tenantedge_domain (tenant_id, domain, is_primary) VALUES (1, 'd`+string(rune('a'+w))+string(rune('a'+i))+`', true)`)
			}
		})
	}
	writers.Wait()
	if got := query(t, dsn, `SELECT count(*) || ' ' || count(*) FILTER (WHERE is_primary) FROM tenantedge_domain`); got[0] != "40 1" {
		t.Errorf("rows and primaries: %s", got)
	}
}
