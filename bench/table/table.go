// Package table holds the input of all rivals of a benchmark: a directory of
// domains, a TENANTS table and the requests to route.
//
//	t, err := table.New(100_000)
//	q := table.Request(t.Hosts[i%len(t.Hosts)]) // finds a tenant
package table

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"

	"github.com/tenantedge/tenantedge/edge"
	"github.com/tenantedge/tenantedge/guest/abi"
	"github.com/tenantedge/tenantedge/guest/tenancy"
	"github.com/tenantedge/tenantedge/tenantdb"
)

// Names of the static tenant, the domain that tenants share by folder, and the
// target of the requests.
const (
	StaticSchema = "www"
	StaticDomain = "example.com"
	SharedDomain = "shop.example.org"
	Target       = "/orders/42?page=2"
)

const (
	inFolders = 100     // number of tenants that also have a folder of SharedDomain
	sequence  = 1 << 16 // number of hosts in a fixed random order; they exceed a core's caches
)

// Table is immutable after New, except CompileCache.
type Table struct {
	Domains   int
	Directory *tenantdb.Directory
	Config    abi.Config // what every guest is configured with
	// Hosts are the hosts of the requests: domains of tenants, uniformly
	// distributed, in the same order for every rival and round. Their number is
	// a power of two, whatever the number of domains.
	Hosts []string
	// Checks are requests that all rivals must decide alike: tenants by domain
	// and folder, static tenants, other spellings of a host, and refusals.
	Checks []edge.Request
	// CompileCache is the edge.Config.CompileCache of EdgeConfig.
	CompileCache string
}

// New returns a table with a number of domains, each of another tenant.
func New(domains int) (*Table, error) {
	t := &Table{Domains: domains, Directory: tenantdb.NewDirectory(tenantdb.Options{Normalize: tenancy.NormalizeHost})}
	state := tenantdb.State{
		Tenants: make([]tenantdb.Tenant, 0, domains),
		Domains: make([]tenantdb.Domain, 0, domains+inFolders),
	}
	for i := range domains {
		id := fmt.Sprint(i + 1)
		state.Tenants = append(state.Tenants, tenantdb.Tenant{ID: id, Schema: Schema(i)})
		state.Domains = append(state.Domains, tenantdb.Domain{TenantID: id, Domain: Domain(i), IsPrimary: true})
		if i < inFolders {
			state.Domains = append(state.Domains, tenantdb.Domain{TenantID: id, Domain: SharedDomain, Folder: Schema(i)})
		}
	}
	if report := t.Directory.Replace(state); len(report.Problems) > 0 {
		return nil, fmt.Errorf("table: %v", report.Problems[0])
	}
	t.Config = abi.Config{
		Tenants: []abi.StaticTenant{{Schema: StaticSchema, Domains: []string{StaticDomain}, URLConf: "www.urls"}},
		Default: &abi.DefaultTenant{URLConf: "app.urls"},
	}
	t.Config.SetDefaults()
	rng := rand.New(rand.NewPCG(1, 2))
	for range sequence {
		t.Hosts = append(t.Hosts, Domain(rng.IntN(domains)))
	}
	for i := range min(domains, 20) {
		t.Checks = append(t.Checks,
			Request(Domain(i)),
			request(SharedDomain, "/"+Schema(i)+Target),
			request("www."+Domain(i)+":8080", "/"),
			request(fmt.Sprintf("TENANT%d.Example.org.", i), "/"))
	}
	t.Checks = append(t.Checks,
		request(Domain(domains-1), "/%C3%A9?x"),
		request(StaticDomain, "/about"),
		request(SharedDomain, "/unknown/"),
		request("unknown.example.org", "/"),
		request("two..dots.example.org", "/"))
	return t, nil
}

// Schema returns the schema of tenant i.
func Schema(i int) string { return fmt.Sprintf("tenant%d", i) }

// Domain returns the domain of tenant i.
func Domain(i int) string { return fmt.Sprintf("tenant%d.example.org", i) }

// Request returns a request for Target at host.
func Request(host string) edge.Request { return request(host, Target) }

func request(host, target string) edge.Request {
	return edge.Request{Method: "GET", Scheme: "http", Host: host, Target: target}
}

// EdgeConfig returns the table as the configuration of an edge.
func (t *Table) EdgeConfig() edge.Config {
	return edge.Config{GuestConfig: t.Config, Directory: t.Directory, CompileCache: t.CompileCache}
}

// GuestConfig returns the table's TENANTS in the JSON that guests are configured with.
func (t *Table) GuestConfig() ([]byte, error) { return json.Marshal(t.Config) }
