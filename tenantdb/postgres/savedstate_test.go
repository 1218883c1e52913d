package postgres_test

import (
	"context"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/tenantedge/tenantedge/tenantdb"
	"github.com/tenantedge/tenantedge/tenantdb/postgres"
	"github.com/tenantedge/tenantedge/tenantdb/postgres/pgtest"
	"github.com/tenantedge/tenantedge/tenantdb/sourcetest"
)

// lockTable locks a table as a migration does, until release is called.
func lockTable(t *testing.T, dsn, table string) (release func()) {
	t.Helper()
	conn, err := pgx.Connect(t.Context(), dsn)
	if err != nil {
		t.Fatal(err)
	}
	release = func() {
		if err := conn.Close(context.Background()); err != nil {
			t.Error(err)
		}
	}
	for _, sql := range []string{"BEGIN", "LOCK TABLE " + table + " IN ACCESS EXCLUSIVE MODE"} {
		if _, err := conn.Exec(t.Context(), sql); err != nil {
			release()
			t.Fatal(err)
		}
	}
	return release
}

// savedStateConfig returns the configuration of a database whose saved state has one tenant
// at a.io, and that has gained a second domain since.
func savedStateConfig(t *testing.T) postgres.Config {
	t.Helper()
	dsn := pgtest.Start(t).NewDB(t)
	initialise(t, dsn, own)
	exec(t, dsn, `INSERT INTO tenantedge_tenant (schema_name) VALUES ('t1')`,
		`INSERT INTO tenantedge_domain (tenant_id, domain) VALUES (1, 'a.io')`)
	o := postgres.Config{DSN: dsn, Tables: own, StateFile: filepath.Join(t.TempDir(), "state"), Poll: 20 * time.Millisecond, SaveEvery: time.Millisecond}
	src := newSource(t, o)
	dir := newDirectory()
	if err := src.Load(t.Context(), dir); err != nil {
		t.Fatal(err)
	}
	run(t, src, dir)()
	exec(t, dsn, `INSERT INTO tenantedge_domain (tenant_id, domain) VALUES (1, 'b.io')`)
	return o
}

func TestASavedStateServesWhileATableIsLocked_G4(t *testing.T) {
	for _, table := range []string{"tenantedge_tenant", "tenantedge_domain"} {
		t.Run(table, func(t *testing.T) {
			o := savedStateConfig(t)
			o.StateWait = 50 * time.Millisecond
			release := lockTable(t, o.DSN, table)
			src, dir := newSource(t, o), newDirectory()
			ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
			defer cancel()
			err := src.Load(ctx, dir)
			if err != nil || !found(dir, "a.io") || found(dir, "b.io") || dir.Stats().Degraded == "" {
				t.Errorf("while the table is locked: %v, %+v", err, dir.Stats())
			}
			run(t, src, dir)
			release()
			sourcetest.Eventually(t, "what the database holds", func() bool { return found(dir, "b.io") && dir.Stats().Degraded == "" })
		})
	}
}

func TestADatabaseThatRespondsTakesPrecedenceOverTheSavedState_G4(t *testing.T) {
	o := savedStateConfig(t)
	o.StateWait = time.Hour
	dir := newDirectory()
	if err := newSource(t, o).Load(t.Context(), dir); err != nil || !found(dir, "b.io") || dir.Stats().Degraded != "" {
		t.Errorf("%v, %+v", err, dir.Stats())
	}
}

func TestAStartWithADamagedStateWaitsForTheDatabase_G4(t *testing.T) {
	o := savedStateConfig(t)
	o.StateWait = time.Millisecond
	if err := os.WriteFile(o.StateFile, []byte("damaged"), 0o600); err != nil {
		t.Fatal(err)
	}
	release := lockTable(t, o.DSN, "tenantedge_domain")
	src, dir := newSource(t, o), newDirectory()
	loaded := make(chan error)
	go func() { loaded <- src.Load(t.Context(), dir) }()
	sourcetest.Eventually(t, "the lock is waited for", func() bool {
		return query(t, o.DSN, "SELECT count(*)::text FROM pg_locks WHERE NOT granted AND relation = 'tenantedge_domain'::regclass")[0] == "1"
	})
	release()
	if err := <-loaded; err != nil || !found(dir, "b.io") {
		t.Errorf("%v, %+v", err, dir.Stats())
	}
}

func TestAFailedSaveOfTheStateIsRetried_G5(t *testing.T) {
	o := savedStateConfig(t)
	folder := filepath.Join(t.TempDir(), "folder")
	o.StateFile = filepath.Join(folder, "state")
	dir := start(t, newSource(t, o))
	sourcetest.Eventually(t, "the state cannot be saved", func() bool { return dir.Stats().Upkeep.SaveFailures >= 2 })
	if u := dir.Stats().Upkeep; u.SaveError == "" || u.UnsavedSince.IsZero() || u.StateAge() <= 0 {
		t.Errorf("while it cannot be saved: %+v", u)
	}
	if err := os.Mkdir(folder, 0o700); err != nil {
		t.Fatal(err)
	}
	sourcetest.Eventually(t, "the state is saved", func() bool { return dir.Stats().Upkeep.UnsavedSince.IsZero() })
	if u := dir.Stats().Upkeep; u.SaveError != "" || u.StateAge() != 0 {
		t.Errorf("after it was saved: %+v", u)
	}
	state, err := tenantdb.LoadState(o.StateFile)
	if err != nil || len(state.Domains) != 2 {
		t.Errorf("the state holds %v, %v", state.Domains, err)
	}
}

func TestUnfinishedStatesOfOtherProcessesAreRemoved_G5(t *testing.T) {
	o := savedStateConfig(t)
	unfinished := o.StateFile + ".1234567.tmp"
	if err := os.WriteFile(unfinished, []byte("half"), 0o600); err != nil {
		t.Fatal(err)
	}
	start(t, newSource(t, o))
	sourcetest.Eventually(t, "the file is removed", func() bool { _, err := os.Stat(unfinished); return os.IsNotExist(err) })
}
