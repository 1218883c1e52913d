package serve

import (
	"bytes"
	"log/slog"
	"strings"
	"testing"

	"github.com/tenantedge/tenantedge/edge/config"
	"github.com/tenantedge/tenantedge/tenantdb"
)

func TestServeLogsEachWarningOnce_B4(t *testing.T) {
	file, err := config.Parse("tenantedge.yaml", []byte("tenants:\n  a: {DOMAINS: [x.test]}\n  b: {DOMAINS: [x.test]}\n  default: {}\n"))
	if err != nil {
		t.Fatal(err)
	}
	dir := tenantdb.NewDirectory(tenantdb.Options{})
	var out bytes.Buffer
	n := &warner{file: file, directory: dir, log: slog.New(slog.NewTextHandler(&out, nil))}
	expect := func(step string, words ...string) {
		t.Helper()
		logged := out.String()
		out.Reset()
		if got := strings.Count(logged, "\n"); got != len(words) {
			t.Errorf("%s: %d lines are logged, expected %d: %s", step, got, len(words), logged)
		}
		for _, word := range words {
			if !strings.Contains(logged, word) {
				t.Errorf("%s: %q is not logged: %s", step, word, logged)
			}
		}
	}
	row := func(domain string) tenantdb.Domain {
		return tenantdb.Domain{TenantID: "1", Domain: domain, Folder: "a/b"}
	}
	dir.Replace(tenantdb.State{Tenants: []tenantdb.Tenant{{ID: "1", Schema: "one"}}, Domains: []tenantdb.Domain{row("1.test")}})
	n.check()
	expect("at the start", "warning=static_domain", "1.test")
	n.check()
	expect("without a change")
	dir.Apply([]tenantdb.Change{{Tenant: tenantdb.Tenant{ID: "1", Schema: "one"}, Domains: []tenantdb.Domain{row("1.test"), row("2.test")}}})
	n.check()
	expect("after a change", "2.test")
	if c := n.counts(); c[config.WarnFolder] != 2 || c[config.WarnStaticDomain] != 1 || len(c) != len(config.WarningKinds) {
		t.Errorf("counts are %v", c)
	}
	dir.Apply([]tenantdb.Change{{Tenant: tenantdb.Tenant{ID: "1"}, Removed: true}})
	n.check()
	expect("after the rows were removed")
	if c := n.counts(); c[config.WarnFolder] != 0 {
		t.Errorf("counts are %v", c)
	}
	many := []tenantdb.Domain{}
	for i := range 30 {
		many = append(many, row(strings.Repeat("m", i+1)+".test"))
	}
	dir.Apply([]tenantdb.Change{{Tenant: tenantdb.Tenant{ID: "1", Schema: "one"}, Domains: many}})
	n.check()
	if logged := out.String(); strings.Count(logged, "\n") != config.MaxWarnings+1 || !strings.Contains(logged, "more=10") {
		t.Errorf("of 30 warnings it logs %s", logged)
	}
}
