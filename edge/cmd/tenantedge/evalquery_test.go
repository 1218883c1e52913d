//go:build unix

package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"

	"github.com/tenantedge/tenantedge/edge/internal/wasm/wasmtest"
)

func TestEvalRunsQueriesAsServeDoes_F5(t *testing.T) {
	path := postgresConfig(t)
	mustCommand(t, "db", "init", "-c", path)
	mustCommand(t, "tenants", "-c", path, "add", "acme", "--domain", "acme.example.com")
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	text = append(text, "guest: {path: querying.wasm}\nqueries: {where: {sql: \"select current_schema() as schema\"}}\n"...)
	guest := wasmtest.Guest(t, "edge/cmd/tenantedge/testdata/querying")
	for name, content := range map[string][]byte{path: text, filepath.Join(filepath.Dir(path), "querying.wasm"): guest} {
		if err := os.WriteFile(name, content, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	code, stdout, stderr := command("", "eval", "-c", path, "--json", "-r", "http://acme.example.com/")
	if code != exitOK || !strings.Contains(stdout, `"urlconf":"urlconf-of-acme"`) {
		t.Errorf("exit %d, %s%s", code, stdout, stderr)
	}
	if code, r := runCheck(t, path, "--online", "--strict"); code != exitOK {
		t.Errorf("check: exit %d, %+v", code, r)
	}
}

func TestCheckOnlineReportsWhatADatabaseLacks(t *testing.T) {
	path := postgresConfig(t)
	if code, r := runCheck(t, path, "--online"); code != exitFailed || !r.has(kindOnline, "directory", "tenantedge_tenant") {
		t.Errorf("without tables: exit %d, %+v", code, r)
	}
	mustCommand(t, "db", "init", "-c", path)
	mustCommand(t, "tenants", "-c", path, "add", "acme", "--domain", "www-site.example.com")
	if code, r := runCheck(t, path, "--online"); code != exitOK || !r.has("row_shadowed", "www-site.example.com") {
		t.Errorf("exit %d, %+v", code, r)
	}
	conn, err := pgx.Connect(t.Context(), os.Getenv("TENANTEDGE_TEST_DSN"))
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close(t.Context())
	if _, err := conn.Exec(t.Context(), "DROP TRIGGER tenantedge_insert ON tenantedge_tenant"); err != nil {
		t.Fatal(err)
	}
	if code, r := runCheck(t, path, "--online"); code != exitFailed || !r.has(kindOnline, "directory", "triggers") {
		t.Errorf("without a trigger: exit %d, %+v", code, r)
	}
}

func TestCheckOnlineReadsTheDatabaseNotTheSavedState_G4(t *testing.T) {
	path := postgresConfig(t)
	mustCommand(t, "db", "init", "-c", path)
	startServe(t, path).stop() // saves the state
	if _, err := os.Stat(filepath.Join(filepath.Dir(path), "state")); err != nil {
		t.Fatal(err)
	}
	if code, r := runCheck(t, path, "--online"); code != exitOK {
		t.Errorf("with a database: exit %d, %+v", code, r)
	}
	t.Setenv("TENANTEDGE_TEST_DSN", "postgres://u@127.0.0.1:1/db")
	if code, r := runCheck(t, path, "--online"); code != exitFailed || !r.has(kindOnline, "directory", "failed to connect") {
		t.Errorf("without a database: exit %d, %+v", code, r)
	}
}
