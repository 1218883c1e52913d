//go:build unix

package main

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/tenantedge/tenantedge/tenantdb/postgres/pgtest"
)

// postgresConfig writes a configuration whose directory is a new database, and returns
// its path.
func postgresConfig(t *testing.T) string {
	t.Helper()
	return postgresConfigOn(t, pgtest.Start(t))
}

// postgresConfigOn is like postgresConfig, on a server that the test may kill.
func postgresConfigOn(t *testing.T, s *pgtest.Server) string {
	t.Helper()
	t.Setenv("TENANTEDGE_TEST_DSN", s.NewDB(t))
	return writeFile(t, "edge.yaml", `
listeners: ["127.0.0.1:0"]
admin: off
tenants:
  www: {DOMAINS: [www-site.example.com], URLCONF: here, HEADER: site}
  default: {URLCONF: here, CLONE_REFERENCE: template}
directory: {source: postgres, dsn_env: TENANTEDGE_TEST_DSN, state_file: state}
urlconfs: {here: {reply: {body: "here\n"}}}
`)
}

func TestTenantsAreManagedFromTheCommandLine(t *testing.T) {
	config := postgresConfig(t)
	for _, c := range []struct {
		args   string
		code   int
		stdout string // a part of it
		stderr string
	}{
		{"tenants -c %s list", exitFailed, "", "tenantedge_tenant"},
		{"db init -c %s --dry-run", exitOK, "-- + create table \"public\".\"tenantedge_tenant\"\nCREATE TABLE", ""},
		{"tenants -c %s list", exitFailed, "", "tenantedge_tenant"},
		{"db init -c %s", exitOK, "+ create table", ""},
		{"db init -c %s", exitOK, "tenantedge_domain\" exist", ""},
		{"db uninstall -c %s --dry-run", exitOK, "DROP TRIGGER \"tenantedge_insert\" ON \"public\".\"tenantedge_domain\";\n", ""},
		{"db init -c %s", exitOK, "= trigger tenantedge_insert", ""},
		{"db uninstall -c %s", exitOK, "+ drop function", ""},
		{"db init -c %s", exitOK, "+ create trigger tenantedge_insert", ""},
		{"tenants -c %s add acme --domain acme.example.com", exitOK, "tenant 1 is found at acme.example.com, its primary domain", ""},
		{"tenants -c %s add acme", exitFailed, "", "already exists"},
		{"tenants -c %s add WWW", exitFailed, "", "choose another schema name"},
		{"tenants -c %s add template", exitFailed, "", "choose another schema name"},
		{"tenants -c %s add pg_x", exitFailed, "", "not valid"},
		{"tenants -c %s domain add acme old.example.com --redirect", exitOK, "old.example.com, which redirects to its primary domain", ""},
		{"tenants -c %s domain add 1 shop.example.com --folder acme", exitOK, "shop.example.com/acme/", ""},
		{"tenants -c %s add other --domain BAD", exitFailed, "", "lower-case"},
		{"tenants -c %s add other --domain acme.example.com", exitFailed, "", "already exists"},
		{"tenants -c %s domain add acme www-site.example.com --folder x", exitOK,
			"tenant 1 has www-site.example.com/x/; it is never reached: www has the domain in the key tenants", ""},
		{"tenants -c %s domain rm www-site.example.com --folder x", exitOK, "removed", ""},
		{"tenants -c %s add other --domain www-site.example.com", exitOK, "www-site.example.com, its primary domain; it is never reached: www has the domain", ""},
		{"tenants -c %s rm other --drop-schema", exitOK, "removed tenant other", ""},
		{"tenants -c %s add site", exitFailed, "", "the header of the entry www of tenants"},
		{"tenants -c %s add other --domain other.example.com --folder o", exitOK, "is found at other.example.com/o/, its primary domain", ""},
		{"tenants -c %s rm other --drop-schema", exitOK, "removed tenant other", ""},
		{"tenants -c %s domain add unknown x.example.com", exitFailed, "", "no tenant has the id or schema name \"unknown\""},
		{"tenants -c %s list", exitOK, "1   acme    *acme.example.com >old.example.com shop.example.com/acme/", ""},
		{"tenants -c %s domain rm shop.example.com", exitFailed, "", "no row"},
		{"tenants -c %s domain rm shop.example.com --folder acme", exitOK, "removed shop.example.com/acme/; the primary domain of tenant 1 is acme.example.com", ""},
		{"eval -c %s --json -r http://old.example.com/x?y", exitOK, `"location":"//acme.example.com/x?y"`, ""},
		{"tenants -c %s domain rm acme.example.com", exitOK, "removed acme.example.com; the primary domain of tenant 1 is old.example.com", ""},
		{"eval -c %s --json -r http://old.example.com/x?y", exitOK, `"schema":"acme"`, ""},
		{"tenants -c %s domain rm old.example.com", exitOK, "its tenant has no domain left", ""},
		{"tenants -c %s rm acme --drop-schema", exitOK, "removed tenant acme with id 1; its schema was dropped", ""},
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

func TestTenantsOfAFileAreListed_F3(t *testing.T) {
	const rows = `
  tenants: [{id: 7, schema_name: acme, plan: gold}, {id: 3, schema_name: beta}]
  domains: [{tenant_id: 7, domain: acme.example.com, is_primary: true}, {tenant_id: 7, domain: shop.example.com, folder: acme}]
`
	const rest = `
listeners: ["127.0.0.1:0"]
tenants: {default: {URLCONF: here}}
urlconfs: {here: {reply: {body: "here"}}}
directory: `
	file := writeFile(t, "tenants.yaml", strings.ReplaceAll(rows, "\n  ", "\n"))
	for name, directory := range map[string]string{"a file": "{source: file, path: " + file + "}\n", "the configuration": "\n  source: file" + rows} {
		config := writeFile(t, "edge.yaml", rest+directory)
		code, stdout, stderr := command("", "tenants", "-c", config, "list")
		if want := "7   acme    *acme.example.com shop.example.com/acme/\n3   beta"; code != exitOK || !strings.Contains(stdout, want) {
			t.Errorf("%s: exit %d\n%s%s\twant %q", name, code, stdout, stderr, want)
		}
		code, stdout, _ = command("", "tenants", "-c", config, "list", "--json")
		if code != exitOK || !strings.Contains(stdout, `"plan": "gold"`) {
			t.Errorf("%s: exit %d\n%s", name, code, stdout)
		}
		if code, _, stderr := command("", "tenants", "-c", config, "add", "x"); code != exitFailed || !strings.Contains(stderr, "edit the file to change its tenants") {
			t.Errorf("%s, add: exit %d\n%s", name, code, stderr)
		}
	}
	if code, _, stderr := command("", "tenants", "-c", writeFile(t, "edge.yaml", strings.TrimSuffix(rest, "directory: ")), "list"); code != exitFailed || !strings.Contains(stderr, "directory: expected source postgres or file, found none") {
		t.Errorf("without a directory: exit %d\n%s", code, stderr)
	}
}
