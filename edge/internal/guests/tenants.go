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
	static    map[string]*abi.StaticTenant // by schema
	domains   map[string]string            // schema of the first static tenant with a domain, as requests look it up
}

// NewTenants returns the tenants of a table and a directory. Under strict rules
// domains are compared as they are written.
func NewTenants(table []abi.StaticTenant, d *tenantdb.Directory, strict bool) *Tenants {
	t := &Tenants{Directory: d, static: make(map[string]*abi.StaticTenant, len(table)), domains: map[string]string{}}
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

// Exists reports whether there is a tenant of that schema.
func (k *Tenants) Exists(schema string) bool {
	if k.static[schema] != nil {
		return true
	}
	_, ok := k.Directory.BySchema(schema)
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
func (k *Tenants) Has(key string) bool {
	schema, id, dynamic := strings.Cut(key, "/")
	if !dynamic {
		return k.static[schema] != nil
	}
	row, ok := k.Directory.BySchema(schema)
	return ok && row.ID == id
}

// AtDomain returns the schema of the tenant that a domain without a folder leads
// to. Static tenants come before rows, and the first of them counts; fallback
// domains are shared, so they belong to no tenant.
func (k *Tenants) AtDomain(domain string) (schema string, ok bool) {
	if schema, ok = k.domains[domain]; ok {
		return schema, true
	}
	row, ok := k.Directory.ByDomain(domain, "")
	return row.Tenant.Schema, ok
}

// collides reports whether a name is a schema. A schema in lower case counts
// too, since the file system may not distinguish the two.
func (k *Tenants) collides(name string) bool {
	lower := strings.ToLower(name)
	return lower == publicSchema || k.Exists(name) || k.Exists(lower)
}
