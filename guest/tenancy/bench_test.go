package tenancy_test

import (
	"testing"

	"github.com/tenantedge/tenantedge/guest/abi"
	"github.com/tenantedge/tenantedge/guest/tenancy"
)

// fixedRow is a directory that always finds the same row.
type fixedRow struct{ record tenancy.Record }

func (f *fixedRow) ByDomain(_, _ string, r *tenancy.Record) bool { *r = f.record; return true }
func (f *fixedRow) ByReference(_ string, r *tenancy.Record) bool { *r = f.record; return true }
func (f *fixedRow) Primary(string, *tenancy.Record) bool         { return false }

// tenantRequests are requests that have a tenant.
var tenantRequests = []struct {
	name    string
	config  abi.Config
	request tenancy.Request
	record  tenancy.Record
}{
	{
		"by domain", abi.Config{ABI: abi.Version, Default: &abi.DefaultTenant{URLConf: "app.urls"}},
		tenancy.Request{Method: "GET", Scheme: "http", Host: "acme.example.com", HasHost: true, Target: "/invoices/2026?page=2"},
		tenancy.Record{ID: "7", Schema: "acme", Domain: "acme.example.com", Primary: true},
	},
	{
		"by folder, with upper case, port and percent-encoding", abi.Config{ABI: abi.Version, Default: &abi.DefaultTenant{URLConf: "app.urls"}},
		tenancy.Request{Method: "GET", Scheme: "http", Host: "WWW.Shared.Example.com:8080", HasHost: true, Target: "/acme/in%20voices?page=2"},
		tenancy.Record{ID: "7", Schema: "acme", Domain: "shared.example.com", Folder: "acme", Primary: true},
	},
	{
		"by static domain", abi.Config{ABI: abi.Version, Tenants: []abi.StaticTenant{{Schema: "www", Domains: []string{"example.com"}, URLConf: "www.urls"}}},
		tenancy.Request{Method: "GET", Scheme: "http", Host: "example.com", HasHost: true, Target: "/"},
		tenancy.Record{},
	},
	{
		"by header", abi.Config{ABI: abi.Version, Routers: []abi.Router{"header"}, Default: &abi.DefaultTenant{URLConf: "app.urls"}},
		tenancy.Request{Method: "GET", Scheme: "http", Host: "api.example.com", HasHost: true, Target: "/", Trusted: true, Headers: []tenancy.Header{{Value: "acme", Present: true}}},
		tenancy.Record{ID: "7", Schema: "acme"},
	},
	{
		"by session", abi.Config{ABI: abi.Version, Routers: []abi.Router{"session"}, Default: &abi.DefaultTenant{URLConf: "app.urls"}},
		tenancy.Request{Method: "GET", Scheme: "http", Host: "api.example.com", HasHost: true, Target: "/", Session: `"acme"`, HasSession: true},
		tenancy.Record{ID: "7", Schema: "acme"},
	},
	{
		"strictly by folder", abi.Config{ABI: abi.Version, Compat: "strict", Default: &abi.DefaultTenant{URLConf: "app.urls"}},
		tenancy.Request{Method: "GET", Scheme: "http", Host: "shared.example.com:8080", HasHost: true, Target: "/acme/in%20voices?page=2"},
		tenancy.Record{ID: "7", Schema: "acme", Domain: "shared.example.com", Folder: "acme", Primary: true},
	},
}

func TestRoutingToATenantAllocatesNothing(t *testing.T) {
	for _, r := range tenantRequests {
		t.Run(r.name, func(t *testing.T) {
			router, err := tenancy.New(&r.config)
			if err != nil {
				t.Fatal(err)
			}
			var d tenancy.Decision
			directory := tenancy.Directory(&fixedRow{r.record})
			allocs := testing.AllocsPerRun(100, func() { router.Route(&r.request, directory, &d) })
			if d.Outcome != abi.Tenant {
				t.Fatalf("outcome is %s: %s", d.Outcome, d.Reason)
			}
			if allocs != 0 {
				t.Errorf("routing allocates %v times, want 0", allocs)
			}
		})
	}
}

func BenchmarkRoute(b *testing.B) {
	for _, r := range tenantRequests {
		b.Run(r.name, func(b *testing.B) {
			router, err := tenancy.New(&r.config)
			if err != nil {
				b.Fatal(err)
			}
			var d tenancy.Decision
			directory := tenancy.Directory(&fixedRow{r.record})
			b.ReportAllocs()
			for b.Loop() {
				router.Route(&r.request, directory, &d)
			}
		})
	}
}
