package postgres_test

import (
	"bytes"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/tenantedge/tenantedge/tenantdb/postgres"
	"github.com/tenantedge/tenantedge/tenantdb/postgres/pgtest"
	"github.com/tenantedge/tenantedge/tenantdb/sourcetest"
)

// journal is a log.
type journal struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (j *journal) Write(p []byte) (int, error) {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.text.Write(p)
}

func (j *journal) String() string {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.text.String()
}

func (j *journal) logger() *slog.Logger { return slog.New(slog.NewTextHandler(j, nil)) }

func TestPollingIsLoggedOnceAndShown_F2(t *testing.T) {
	dsn := pgtest.Start(t).NewDB(t)
	exec(t, dsn, djangoTables)
	var log journal
	dir := start(t, newSource(t, postgres.Config{DSN: dsn, Tables: django, Poll: 5 * time.Millisecond, Logger: log.logger()}))
	const line = "does not notify of changes"
	polling := func() string { return dir.Stats().Upkeep.Polling }
	steps := []struct {
		name, sql string
		polls     bool
	}{
		{"triggers that were never made", "", true},
		{"a table that was swapped", `ALTER TABLE customers_domain RENAME TO old;
			CREATE TABLE customers_domain (LIKE old INCLUDING ALL)`, true},
		{"a trigger that was disabled", `ALTER TABLE customers_tenant DISABLE TRIGGER tenantedge_update`, true},
		{"triggers of a pair of tables of another name", `ALTER TABLE customers_tenant RENAME TO other; ALTER TABLE other RENAME TO customers_tenant;
			DROP TRIGGER tenantedge_update ON customers_domain;
			CREATE TRIGGER tenantedge_update AFTER UPDATE ON customers_domain REFERENCING OLD TABLE AS old_rows NEW TABLE AS new_rows
			FOR EACH STATEMENT EXECUTE FUNCTION tenantedge_notify('public.other', 'tenant_id')`, true},
	}
	for i, step := range steps {
		if step.sql != "" {
			exec(t, dsn, step.sql)
		}
		sourcetest.Eventually(t, step.name, func() bool { return strings.Contains(polling(), "db init") && strings.Count(log.String(), line) == i+1 })
		synced := dir.Stats().SyncedAt
		sourcetest.Eventually(t, "it is polled again", func() bool { return dir.Stats().SyncedAt.After(synced) })
		if n := strings.Count(log.String(), line); n != i+1 {
			t.Errorf("%s: logged %d times, want %d:\n%s", step.name, n, i+1, &log)
		}
		initialise(t, dsn, django)
		sourcetest.Eventually(t, "the triggers", func() bool { return polling() == "" })
	}
	if strings.Contains(log.String(), "lost") {
		t.Errorf("a database that was available all the time is reported as lost:\n%s", &log)
	}
}

func TestMissingTablesAreNotALostDatabase_F2(t *testing.T) {
	for _, c := range []struct{ name, sql string }{
		{"a table", `ALTER TABLE customers_domain RENAME TO renamed`},
		{"a column", `ALTER TABLE customers_tenant RENAME COLUMN schema_pathname TO renamed`},
		{"the privilege to read", `ALTER TABLE customers_tenant OWNER TO other; REVOKE ALL ON customers_tenant FROM reader`},
	} {
		t.Run(c.name, func(t *testing.T) {
			dsn := pgtest.Start(t).NewDB(t)
			exec(t, dsn, djangoTables)
			for _, role := range []string{"other", "reader"} {
				exec(t, dsn, `DO $$ BEGIN CREATE ROLE `+role+` LOGIN; EXCEPTION WHEN duplicate_object THEN NULL; END $$`)
			}
			exec(t, dsn, `GRANT SELECT ON ALL TABLES IN SCHEMA public TO reader`)
			var log journal
			as := strings.Replace(dsn, "//tenantedge@", "//reader@", 1)
			dir := start(t, newSource(t, postgres.Config{DSN: as, Tables: django, Poll: 5 * time.Millisecond, Logger: log.logger()}))
			exec(t, dsn, c.sql, `INSERT INTO customers_tenant (schema_name) VALUES ('t')`)
			sourcetest.Eventually(t, "it is seen", func() bool { return dir.Stats().Degraded != "" })
			sourcetest.Eventually(t, "it is logged", func() bool {
				return strings.Contains(log.String(), "the tables are not as expected; serving the last good state")
			})
			if d := dir.Stats().Degraded; strings.Contains(log.String(), "lost") || strings.Contains(log.String(), "rejects") || !strings.Contains(d, postgres.ErrTables.Error()) {
				t.Errorf("degraded: %s\n%s", d, &log)
			}
			exec(t, dsn, `DROP OWNED BY reader`)
		})
	}
}
