//go:build unix

package main

import (
	"bytes"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"

	"github.com/tenantedge/tenantedge/edge/internal/wasm/wasmtest"
)

// keyTables holds the keys of tenants. beta's schema has a table of the same name:
// a query that sees it takes acme's key for beta's.
const keyTables = `ALTER TABLE tenantedge_tenant ADD plan text;
	UPDATE tenantedge_tenant SET plan = 'gold of ' || schema_name WHERE schema_name <> 'bare';
	CREATE TABLE public.api_key (digest bytea PRIMARY KEY, schema_name text);
	INSERT INTO public.api_key SELECT sha256(convert_to(key, 'UTF8')), schema
		FROM (VALUES ('acme''s key', 'acme'), ('beta''s key', 'beta'), ('bare''s key', 'bare'), ('old key', 'old')) AS k (key, schema);
	CREATE TABLE beta.api_key AS SELECT digest, 'beta' AS schema_name FROM public.api_key;
	CREATE TABLE beta.secret AS SELECT 'beta' AS schema_name`

// apiKeyConfig writes a configuration for the guest that routes by API keys. query is
// the rest of the mapping that configures its query.
func apiKeyConfig(t *testing.T, upstream, query string) (path string) {
	t.Helper()
	path = postgresConfig(t)
	mustCommand(t, "db", "init", "-c", path)
	for _, name := range []string{"acme", "beta", "bare"} {
		mustCommand(t, "tenants", "-c", path, "add", name, "--domain", name+".example.com")
	}
	conn, err := pgx.Connect(t.Context(), os.Getenv("TENANTEDGE_TEST_DSN"))
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close(t.Context())
	if _, err := conn.Exec(t.Context(), keyTables); err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	for old, replacement := range map[string]string{"state_file: state": "attributes: [plan]", `{reply: {body: "here\n"}}`: fmt.Sprintf("{upstream: %q}", upstream)} {
		if !bytes.Contains(text, []byte(old)) {
			t.Fatalf("the configuration has no %q", old)
		}
		text = bytes.ReplaceAll(text, []byte(old), []byte(replacement))
	}
	text = append(text, "limits: {guest: {deadline: 1m}}\nupstream_headers: {schema: X-Schema}\nguest: {path: apikey.wasm}\nqueries: {tenant_of_key: {timeout: 1m, "+query+"}}\n"...)
	for name, content := range map[string][]byte{path: text, filepath.Join(filepath.Dir(path), "apikey.wasm"): wasmtest.Guest(t, "guest/examples/apikey")} {
		if err := os.WriteFile(name, content, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return path
}

const keyQuery = "sql: \"select schema_name from api_key where digest = sha256(convert_to($1, 'UTF8'))\""

func TestAGuestFindsTheTenantByItsAPIKey_D8(t *testing.T) {
	upstream := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		fmt.Fprintf(w, "schema %s, plan %q", r.Header.Get("X-Schema"), r.Header.Values("X-Tenant-Plan"))
	}))
	defer upstream.Close()
	e := startServe(t, apiKeyConfig(t, upstream.URL, "schema: public, "+keyQuery))
	defer e.stop()
	for _, c := range []struct {
		key    string
		status int
		body   string
	}{
		{"acme's key", http.StatusOK, `schema acme, plan ["gold of acme"]`},
		{"beta's key", http.StatusOK, `schema beta, plan ["gold of beta"]`},
		{"bare's key", http.StatusOK, `schema bare, plan []`},
		{"old key", http.StatusNotFound, ""},
		{"no key", http.StatusNotFound, ""},
		{"' OR true --", http.StatusNotFound, ""},
		{"acme's key", http.StatusOK, `schema acme, plan ["gold of acme"]`},
	} {
		status, _, body := fetch(t, "http://"+e.address+"/v1/items", "X-Api-Key", c.key, "X-Tenant-Plan", "forged")
		if status != c.status || c.body != "" && body != c.body {
			t.Errorf("%s: %d %q, want %d %q", c.key, status, body, c.status, c.body)
		}
	}
}

// Before the tenant is known, a query fails unless it is configured with schema
// public, and it cannot read a tenant's schema. The log says why it failed.
func TestAQueryBeforeTheTenantIsKnownSeesNoTenant_D8(t *testing.T) {
	for name, c := range map[string]struct{ query, logged string }{
		"a tenant's statement":          {keyQuery, "configure the statement with schema public to run it before the tenant is known"},
		"a table of a tenant's schema":  {"schema: public, sql: \"select schema_name from secret where $1 <> ''\"", `relation \"secret\" does not exist`},
		"a value of the wrong type":     {"schema: public, sql: \"select schema_name from api_key where length(schema_name) = $1::int\"", "SQLSTATE 22P02"},
		"a query that sets search_path": {"schema: public, sql: \"select schema_name from secret where set_config('search_path', 'beta', false) = $1\"", `relation \"secret\" does not exist`},
	} {
		t.Run(name, func(t *testing.T) {
			log := &bytes.Buffer{}
			e := startServeLogging(t, apiKeyConfig(t, "http://127.0.0.1:1", c.query), log)
			for range 2 {
				if status, _, body := fetch(t, "http://"+e.address+"/", "X-Api-Key", "acme's key"); status != http.StatusBadGateway {
					t.Errorf("answered %d %q, want 502", status, body)
				}
			}
			e.stop()
			if got := log.String(); !strings.Contains(got, "query tenant_of_key failed: ") || !strings.Contains(got, c.logged) {
				t.Errorf("logged %s, want %q", got, c.logged)
			}
			if strings.Contains(log.String(), "acme's key") {
				t.Errorf("the log contains the client's key: %s", log.String())
			}
		})
	}
}
