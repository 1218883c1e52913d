package main

import (
	"context"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/tenantedge/tenantedge/edge"
	"github.com/tenantedge/tenantedge/guest/abi"
	"github.com/tenantedge/tenantedge/guest/tenancy"
	"github.com/tenantedge/tenantedge/tenantdb"
)

// world is a directory, and the two that decide upon it.
type world struct {
	host      *edge.Host
	native    *tenancy.Router
	directory *tenantdb.Directory
	order     []int // which domain each request is for: a fixed random sequence
}

type benchCase struct {
	name string
	run  func(b *testing.B)
}

func newWorld(ctx context.Context, domains int) (*world, error) {
	w := &world{directory: tenantdb.NewDirectory(tenantdb.Options{})}
	var state tenantdb.State
	for i := range domains {
		id := fmt.Sprint(i + 1)
		state.Tenants = append(state.Tenants, tenantdb.Tenant{ID: id, Schema: fmt.Sprintf("tenant%d", i)})
		state.Domains = append(state.Domains, tenantdb.Domain{TenantID: id, Domain: domainOf(i), IsPrimary: true})
	}
	if report := w.directory.Replace(state); len(report.Problems) > 0 {
		return nil, fmt.Errorf("directory: %v", report.Problems[0])
	}
	rng := rand.New(rand.NewPCG(1, 2))
	for range 4096 {
		w.order = append(w.order, rng.IntN(domains))
	}
	fallback := &edge.DefaultTenant{URLConf: "app.urls"}
	static := []edge.StaticTenant{{Schema: "www", Domains: []string{"example.com"}, URLConf: "www.urls"}}
	var err error
	w.host, err = edge.New(ctx, edge.Config{Tenants: static, Default: fallback, Directory: w.directory, Logger: slog.New(slog.DiscardHandler)})
	if err != nil {
		return nil, err
	}
	w.native, err = tenancy.New(&abi.Config{ABI: abi.Version, Tenants: static, Default: fallback})
	return w, err
}

func (w *world) close() { _ = w.host.Close() }

func domainOf(i int) string { return fmt.Sprintf("tenant%d.example.org", i) }

// cases lists what is measured, the baseline first.
func (w *world) cases() []benchCase {
	hosts := make([]string, len(w.order))
	for i, n := range w.order {
		hosts[i] = domainOf(n)
	}
	return []benchCase{
		{"native", func(b *testing.B) {
			rows := rows{w.directory}
			q := tenancy.Request{Method: "GET", Scheme: "https", HasHost: true, Target: "/orders/42?page=2"}
			var d tenancy.Decision
			b.ReportAllocs()
			for i := 0; b.Loop(); i++ {
				q.Host = hosts[i%len(hosts)]
				w.native.Route(&q, rows, &d)
				if d.Outcome != abi.Tenant {
					b.Fatal(d.Reason)
				}
			}
		}},
		{"guest", func(b *testing.B) {
			ctx := context.Background()
			q := edge.Request{Method: "GET", Scheme: "https", Target: "/orders/42?page=2"}
			b.ReportAllocs()
			for i := 0; b.Loop(); i++ {
				q.Host = hosts[i%len(hosts)]
				d, err := w.host.Route(ctx, &q)
				if err != nil || d.Outcome != edge.OutcomeTenant {
					b.Fatal(d.Reason, err)
				}
			}
		}},
		{"middleware", func(b *testing.B) {
			served := 0
			handler := w.host.Middleware(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
				if _, ok := edge.TenantFrom(r.Context()); ok {
					served++
				}
			}))
			r := httptest.NewRequest("GET", "/orders/42?page=2", nil)
			answer := httptest.NewRecorder()
			n := 0
			b.ReportAllocs()
			for i := 0; b.Loop(); i++ {
				r.Host = hosts[i%len(hosts)]
				handler.ServeHTTP(answer, r)
				n++
			}
			if served < n {
				b.Fatalf("%d of %d requests had a tenant", served, n)
			}
		}},
	}
}

// rows gives the native logic the directory that the guest has.
type rows struct{ d *tenantdb.Directory }

func (r rows) ByDomain(domain, folder string, into *tenancy.Record) bool {
	m, ok := r.d.ByDomain(domain, folder)
	fill(into, &m)
	return ok
}

func (r rows) ByReference(ref string, into *tenancy.Record) bool {
	t, ok := r.d.ByReference(ref)
	fill(into, &tenantdb.Match{Tenant: t})
	return ok
}

func (r rows) Primary(id string, into *tenancy.Record) bool {
	m, ok := r.d.Primary(id)
	fill(into, &m)
	return ok
}

func fill(into *tenancy.Record, m *tenantdb.Match) {
	*into = tenancy.Record{
		ID: m.Tenant.ID, Schema: m.Tenant.Schema, Domain: m.Domain, Folder: m.Folder,
		Primary: m.IsPrimary, RedirectToPrimary: m.RedirectToPrimary, Ambiguous: m.Ambiguous,
	}
	for _, a := range m.Tenant.Attributes {
		if a.Name == "schema_pathname" {
			into.Pathname, into.HasPathname = a.Value, true
		}
	}
}
