//go:build unix

package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/tenantedge/tenantedge/edge/config"
	"github.com/tenantedge/tenantedge/edge/internal/server"
	"github.com/tenantedge/tenantedge/tenantdb/postgres/pgtest"
)

// onPostgres is a configuration whose directory is a database of the test's
// own.
func onPostgres(t *testing.T) string {
	t.Helper()
	t.Setenv("TENANTEDGE_TEST_DSN", pgtest.Start(t).NewDB(t))
	return written(t, "edge.yaml", `
listeners: ["127.0.0.1:0"]
admin: off
tenants:
  www: {DOMAINS: [www-site.example.com], URLCONF: here}
  default: {URLCONF: here, CLONE_REFERENCE: template}
directory: {source: postgres, dsn_env: TENANTEDGE_TEST_DSN}
urlconfs: {here: {reply: {body: "here\n"}}}
`)
}

func TestTenantsAreManagedFromTheCommandLine(t *testing.T) {
	config := onPostgres(t)
	for _, c := range []struct {
		args   string
		code   int
		stdout string // contained in it
		stderr string
	}{
		{"tenants -c %s list", exitFailed, "", "tenantedge_tenant"},
		{"db init -c %s --dry-run --sql", exitOK, "CREATE TABLE", ""},
		{"tenants -c %s list", exitFailed, "", "tenantedge_tenant"},
		{"db init -c %s", exitOK, "+ make table", ""},
		{"db init -c %s", exitOK, "are there", ""},
		{"tenants -c %s add acme --domain acme.example.com", exitOK, "tenant 1 is found at acme.example.com, its primary domain", ""},
		{"tenants -c %s add acme", exitFailed, "", "exists already"},
		{"tenants -c %s add WWW", exitFailed, "", "choose another schema name"},
		{"tenants -c %s add template", exitFailed, "", "choose another schema name"},
		{"tenants -c %s add pg_x", exitFailed, "", "not valid"},
		{"tenants -c %s domain add acme old.example.com --redirect", exitOK, "old.example.com, which redirects to its primary domain", ""},
		{"tenants -c %s domain add 1 shop.example.com --folder acme", exitOK, "shop.example.com/acme/", ""},
		{"tenants -c %s domain add nobody x.example.com", exitFailed, "", "no tenant has \"nobody\""},
		{"tenants -c %s list", exitOK, "1   acme    *acme.example.com >old.example.com shop.example.com/acme/", ""},
		{"tenants -c %s domain rm shop.example.com", exitFailed, "", "no row"},
		{"tenants -c %s domain rm shop.example.com --folder acme", exitOK, "removed shop.example.com/acme/", ""},
		{"eval -c %s --json -r http://old.example.com/x?y", exitOK, `"location":"//acme.example.com/x?y"`, ""},
		{"tenants -c %s rm acme --drop-schema", exitOK, "removed tenant acme with id 1; its schema too", ""},
		{"tenants -c %s rm acme", exitFailed, "", "not found"},
		{"tenants -c %s add acme --id 7", exitOK, "added tenant acme with id 7", ""},
	} {
		code, stdout, stderr := command("", strings.Fields(fmt.Sprintf(c.args, config))...)
		if code != c.code || !strings.Contains(stdout, c.stdout) || !strings.Contains(stderr, c.stderr) {
			t.Errorf("%s: exit %d\n%s%s\texpected exit %d, %q, %q", c.args, code, stdout, stderr, c.code, c.stdout, c.stderr)
		}
	}
	_, stdout, _ := command("", "tenants", "-c", config, "list", "--json")
	var list struct{ Tenants, Domains []map[string]any }
	if err := json.Unmarshal([]byte(stdout), &list); err != nil || len(list.Tenants) != 1 || list.Tenants[0]["schema_name"] != "acme" || len(list.Domains) != 0 {
		t.Errorf("list --json: %s (%v)", stdout, err)
	}
}

func TestATenantThatIsAddedIsServedAtOnce(t *testing.T) {
	path := onPostgres(t)
	if code, _, stderr := command("", "db", "init", "-c", path); code != exitOK {
		t.Fatal(stderr)
	}
	file, err := config.Load(path)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	addresses := make(chan string, 1)
	ended := make(chan error, 1)
	go func() {
		ended <- serveFile(ctx, file, io.Discard, func(s *server.Server) { addresses <- s.Addrs()[0].String() })
	}()
	var address string
	select {
	case address = <-addresses:
	case err := <-ended:
		t.Fatal(err)
	}
	status := func() int {
		r, err := http.NewRequest(http.MethodGet, "http://"+address+"/", nil)
		if err != nil {
			t.Fatal(err)
		}
		r.Host = "acme.example.com"
		resp, err := http.DefaultClient.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		defer resp.Body.Close()
		return resp.StatusCode
	}
	if got := status(); got != http.StatusNotFound {
		t.Errorf("before: %d, expected 404", got)
	}
	if code, _, stderr := command("", "tenants", "-c", path, "add", "acme", "--domain", "acme.example.com"); code != exitOK {
		t.Fatal(stderr)
	}
	deadline := time.After(patience)
	for status() != http.StatusOK {
		select {
		case <-deadline:
			t.Fatal("the tenant was added, and is not served")
		default:
		}
	}
	cancel()
	if err := <-ended; err != nil {
		t.Errorf("the edge ended with %v", err)
	}
}
