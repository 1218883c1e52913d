package guests

import (
	"strings"

	"github.com/tenantedge/tenantedge/edge/tenant"
	"github.com/tenantedge/tenantedge/guest/abi"
	"github.com/tenantedge/tenantedge/guest/tenancy"
	"github.com/tenantedge/tenantedge/tenantdb"
)

// publicSchema is the schema outside of any tenant.
const publicSchema = "public"

// Tenants are the tenants of a Host: static ones of the TENANTS table, and the
// rows of the directory.
type Tenants struct {
	Directory *tenantdb.Directory
	Default   *abi.DefaultTenant           // what serves the rows; nil: unknown
	rows      Rows                         // the Directory, or the tape of a call
	static    map[string]*abi.StaticTenant // by schema
	domains   map[string]string            // schema of the first static tenant with a domain, as requests look it up
}

// NewTenants returns the tenants of a table and a directory. Under strict rules the
// domains of the table are not normalized.
func NewTenants(table []abi.StaticTenant, d *tenantdb.Directory, strict bool) *Tenants {
	t := &Tenants{Directory: d, rows: d, static: make(map[string]*abi.StaticTenant, len(table)), domains: map[string]string{}}
	for i := range table {
		entry := &table[i]
		t.static[entry.Schema] = entry
		for _, domain := range entry.Domains {
			if normal, err := tenancy.NormalizeHost(domain); err == nil && !strict {
				domain = normal // the guest rejects a domain that has no such form
			}
			if _, found := t.domains[domain]; !found {
				t.domains[domain] = entry.Schema
			}
		}
	}
	return t
}

// Place returns what serves a row with the attributes, as far as the configuration
// decides that.
func (ts *Tenants) Place(a tenant.Attributes) tenancy.Placement {
	if ts.Default == nil {
		return tenancy.Placement{}
	}
	return tenancy.Place(ts.Default, a.Get)
}

// PlaceNow is Place for the current attributes of the tenant with that [Key].
func (ts *Tenants) PlaceNow(key string) tenancy.Placement {
	schema, _, _ := strings.Cut(key, "/")
	row, _ := ts.Directory.BySchema(schema)
	return ts.Place(tenant.NewAttributes(row.Attributes))
}

// Exists reports whether there is a tenant of that schema.
func (ts *Tenants) Exists(schema string) bool {
	if ts.static[schema] != nil {
		return true
	}
	_, ok := ts.rows.BySchema(schema)
	return ok
}

// Key returns a string that identifies a tenant: for a row, its schema and id.
func Key(t *tenant.Tenant) string {
	if !t.Dynamic {
		return t.Schema
	}
	return t.Schema + "/" + t.ID // no schema has a slash
}

// Has reports whether the tenant with that [Key] exists: for a row, the one with
// this id, not another of the same schema.
func (ts *Tenants) Has(key string) bool {
	schema, id, dynamic := strings.Cut(key, "/")
	if !dynamic {
		return ts.static[schema] != nil
	}
	row, ok := ts.Directory.BySchema(schema)
	return ok && row.ID == id
}

// AtDomain returns the schema of the tenant to which a domain is routed without a
// folder. Static tenants precede rows, and the first of them counts. Fallback domains
// are shared, so they belong to no tenant.
func (ts *Tenants) AtDomain(domain string) (schema string, ok bool) {
	if schema, ok = ts.domains[domain]; ok {
		return schema, true
	}
	row, ok := ts.Directory.ByDomain(domain, "")
	return row.Tenant.Schema, ok
}

// isSchema reports whether a name, or the name in lower case, is the schema of a
// tenant or public: the file system may not distinguish the case.
func (ts *Tenants) isSchema(name string) bool {
	lower := strings.ToLower(name)
	return lower == publicSchema || ts.Exists(name) || ts.Exists(lower)
}
