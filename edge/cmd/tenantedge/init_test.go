package main

import (
	"bytes"
	"context"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

const djangoTenants = `{
	"public": {"APPS": ["shared", "main"], "TENANT_MODEL": "app.Tenant", "DOMAIN_MODEL": "app.Domain"},
	"www": {"APPS": ["main"], "DOMAINS": ["example.com", "www.example.com"], "URLCONF": "main.urls"},
	"default": {"APPS": ["customers"], "TENANT_MODEL": "app.Tenant", "DOMAIN_MODEL": "app.Domain", "URLCONF": "tenant.urls", "CLONE_REFERENCE": "sample"}
}`

// Whatever the flags are, check accepts the configuration without a warning.
func TestInitWritesAConfigurationThatCheckAccepts(t *testing.T) {
	t.Setenv("DATABASE_URL", "postgres://127.0.0.1/app")
	django := writeFile(t, "tenants.json", djangoTenants)
	for name, c := range map[string]struct {
		args  []string
		input string
		has   []string
	}{
		"without flags": {nil, "", []string{"www: {DOMAINS: [\"localhost\"], URLCONF: app}", "$schema=https://"}},
		"upstream":      {[]string{"--domain", "example.com", "--upstream", "http://127.0.0.1:8000"}, "", []string{`app: "http://127.0.0.1:8000"`}},
		"tenants":       {[]string{"--tenant", "blog=blog.example.com,news.example.com", "--tenant", "true=t.example.com"}, "", []string{`blog: {DOMAINS: ["blog.example.com","news.example.com"], URLCONF: app}`, `"true": {`}},
		"database":      {[]string{"--dsn-env", "DATABASE_URL"}, "", []string{"dsn_env: DATABASE_URL", "default: {URLCONF: app}"}},
		"Django": {[]string{"--django", django}, "", []string{
			"tenant_table: app_tenant", "domain_table: app_domain", `main.urls: "http://127.0.0.1:8000"`, `tenant.urls: "http`, `CLONE_REFERENCE: "sample"`,
		}},
		"Django from standard input": {[]string{"--django", "-"}, djangoTenants, []string{"tenant_table: app_tenant"}},
		"dialogue":                   {[]string{"--ask"}, "\nshop.example.com\nhttp://127.0.0.1:8000\nDATABASE_URL\n", []string{"shop.example.com", `app: "http://127.0.0.1:8000"`, "dsn_env: DATABASE_URL"}},
		"dialogue with mistakes":     {[]string{"--ask"}, "no.json\n\nhttp://a.example\nshop.example.com\nftp://127.0.0.1\nhttp://127.0.0.1:8000\npostgres://x\n\n", []string{"shop.example.com", `app: "http://127.0.0.1:8000"`}},
		"dialogue without answers":   {[]string{"--ask"}, "", []string{"localhost"}},
		"an address of systemd":      {[]string{"--listen", "systemd:http"}, "", []string{`listeners: ["systemd:http"]`}},
	} {
		t.Run(name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "edge.yaml")
			code, stdout, stderr := command(c.input, append([]string{"init", path}, c.args...)...)
			if code != exitOK || !strings.Contains(stdout, "tenantedge serve --config "+path) {
				t.Fatalf("exit %d, %s%s", code, stdout, stderr)
			}
			written, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			for _, want := range c.has {
				if !strings.Contains(string(written), want) {
					t.Errorf("expected %s in\n%s", want, written)
				}
			}
			if strings.Contains(string(written), "APPS") {
				t.Errorf("expected none of the keys that only Django uses in\n%s", written)
			}
			if code, stdout, stderr := command("", "check", "--strict", "-c", path); code != exitOK {
				t.Errorf("check: exit %d, %s%s\n%s", code, stdout, stderr, written)
			}
			if code, _, stderr := command("", "init", path); code != exitFailed || !strings.Contains(stderr, "does not exist, found it") {
				t.Errorf("again: exit %d, %s", code, stderr)
			}
			if again, err := os.ReadFile(path); err != nil || !bytes.Equal(again, written) {
				t.Errorf("init has changed a file that existed: %v", err)
			}
		})
	}
}

func TestInitRefusesFlagsThatMakeNoConfiguration(t *testing.T) {
	for want, args := range map[string][]string{
		"--tenant: expected SCHEMA=DOMAIN":         {"--tenant", "blog"},
		"expected either --django or":              {"--django", "x.json", "--domain", "example.com"},
		"expected settings.TENANTS as JSON":        {"--django", writeFile(t, "x.json", "[1]")},
		"urlconfs.app: expected a URL that starts": {"--upstream", "ftp://a.example/"},
		"directory.dsn_env: expected the name":     {"--dsn-env", "postgres://user:secret@a.example/"},
		"tenants.www.DOMAINS[0]: expected a domai": {"--domain", "http://example.com"},
		"listeners[0]: expected an address":        {"--listen", "8080"},
	} {
		path := filepath.Join(t.TempDir(), "edge.yaml")
		code, _, stderr := command("", append([]string{"init", path}, args...)...)
		if code == exitOK || !strings.Contains(stderr, want) || strings.Contains(stderr, "user:secret") {
			t.Errorf("%v: exit %d, %s, expected %s", args, code, stderr, want)
		}
		if _, err := os.Stat(path); err == nil {
			t.Errorf("%v: a file was written", args)
		}
	}
}

// The package has the output of init as its configuration.
func TestThePackageHasAConfigurationOfInit(t *testing.T) {
	path := filepath.Join(t.TempDir(), "tenantedge.yaml")
	mustInit(t, path, "--listen", "systemd:http", "--schema", "/usr/share/tenantedge/schema.json")
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	got, err := os.ReadFile("packaging/tenantedge.yaml")
	if err != nil || !bytes.Equal(got, want) {
		t.Errorf("packaging/tenantedge.yaml is out of date (%v): expected\n%s", err, want)
	}
}

func mustInit(t *testing.T, path string, args ...string) {
	t.Helper()
	if code, _, stderr := command("", append([]string{"init", path}, args...)...); code != exitOK {
		t.Fatal(stderr)
	}
}

func TestSchemaIsPrinted(t *testing.T) {
	code, stdout, _ := command("", "schema")
	if code != exitOK || !strings.Contains(stdout, `"$schema": "https://json-schema.org/draft/2020-12/schema"`) {
		t.Errorf("exit %d, %.200s", code, stdout)
	}
}

func TestNamesAreCompletedFromTheConfiguration(t *testing.T) {
	path := writeFile(t, "edge.yaml", `
tenants: {www: {DOMAINS: [example.com], URLCONF: site}, default: {URLCONF: {attribute: plan, values: {free: site, paid: site}}}}
directory:
  source: file
  tenants: [{id: 1, schema_name: acme, plan: free}, {id: 2, schema_name: umbra, plan: paid}]
  domains: [{tenant_id: 1, domain: acme.example.com, is_primary: true}]
urlconfs: {site: {reply: {}}}
`)
	for _, c := range []struct {
		args []string
		want string // the values, then the directive of cobra
	}{
		{[]string{"files", "-c", path, "--tenant", ""}, "acme\numbra\nwww\n:4\n"},
		{[]string{"files", "-c", path, "--tenant", "u"}, "umbra\n:4\n"},
		{[]string{"tenants", "-c", path, "rm", ""}, "acme\numbra\nwww\n:4\n"},
		{[]string{"tenants", "-c", path, "rm", "acme", ""}, ":4\n"},
		{[]string{"tenants", "-c", path, "domain", "rm", "a"}, "acme.example.com\n:4\n"},
		{[]string{"tenants", "-c", path, "add", "new", "--set", ""}, "plan=free\nplan=paid\n:6\n"},
		{[]string{"eval", "-c", path, "-r", ""}, "http://acme.example.com/\nhttp://example.com/\n:2\n"},
		{[]string{"eval", "-c", path, "-r", "GET "}, "GET http://acme.example.com/\nGET http://example.com/\n:2\n"},
		{[]string{"eval", "-c", path, "-r", "POST https://e"}, "POST https://example.com/\n:2\n"},
		{[]string{"eval", "-c", path, "--guest", ""}, "wasm\n:8\n"},
		{[]string{"eval", "-c", ""}, "yaml\nyml\njson\n:8\n"},
		{[]string{"guest", "inspect", ""}, "wasm\n:8\n"},
		{[]string{"guest", "build", ""}, ":16\n"},
		{[]string{"files", "-c", path, "--tenant", "acme", "put", ""}, ":0\n"},
		{[]string{"eval", "-c", filepath.Join(t.TempDir(), "missing.yaml"), "-r", ""}, ":2\n"},
		{[]string{"version", ""}, ":4\n"},
	} {
		code, stdout, stderr := command("", append([]string{"__complete"}, c.args...)...)
		if code != exitOK || stdout != c.want {
			t.Errorf("%q: exit %d, %q, expected %q; %s", c.args, code, stdout, c.want, stderr)
		}
	}
}

func TestCheckHealthAsksTheAdminListener(t *testing.T) {
	ready := true
	admin := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path != "/readyz" || !ready {
			w.WriteHeader(http.StatusServiceUnavailable)
			_, _ = w.Write([]byte(`{"ready": false, "reason": "the directory is not loaded"}`))
			return
		}
		_, _ = w.Write([]byte(`{"ready": true}`))
	}))
	defer admin.Close()
	path := writeFile(t, "edge.yaml", "admin: '"+strings.TrimPrefix(admin.URL, "http://")+"'\n")
	if code, _, stderr := command("", "check", "--health", "-c", path); code != exitOK {
		t.Errorf("exit %d, %s", code, stderr)
	}
	ready = false
	if code, _, stderr := command("", "check", "--health", "-c", path); code != exitFailed || !strings.Contains(stderr, "the directory is not loaded") {
		t.Errorf("exit %d, %s", code, stderr)
	}
	off := writeFile(t, "edge.yaml", "admin: off\n")
	if code, _, stderr := command("", "check", "--health", "-c", off); code != exitFailed || !strings.Contains(stderr, "admin: expected an address") {
		t.Errorf("exit %d, %s", code, stderr)
	}
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if err := checkHealth(ctx, path); err == nil {
		t.Error("expected an error from a context that has ended")
	}
}
