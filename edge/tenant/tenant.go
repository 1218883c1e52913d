// Package tenant holds what a handler may know of the tenant that a request is
// for. Handlers need nothing else of the edge:
//
//	t, ok := tenant.From(r.Context())
package tenant

import (
	"github.com/tenantedge/tenantedge/guest/abi"
	"github.com/tenantedge/tenantedge/tenantdb"
)

// Tenant is the tenant of a request. All strings stay valid after the request.
type Tenant struct {
	Schema      string // Postgres schema
	ID          string // id of the row as text; empty for a static tenant
	Dynamic     bool   // a row of the directory, not an entry of the TENANTS table
	Routing     Routing
	URLConf     string // name of the route table for HTTP requests
	WSURLConf   string // name of the route table for websockets
	Path        string // the request's path as the tenant sees it: decoded, without the folder
	Identifier  string // identifies the tenant in file paths and URLs
	CachePrefix string // prefix of the tenant's keys in a shared cache
	Attributes  Attributes
}

// Routing is how a tenant was found.
type Routing struct {
	Router    abi.Router // empty: there is no tenant
	Domain    string     // abi.ByDomain: the hostname that matched
	Folder    string     // abi.ByDomain: the folder that matched; empty: none
	Reference string     // abi.ByHeader, abi.BySession: the value that matched
}

// Pathname returns the identifier that the tenant's row sets (its column
// schema_pathname), and reports whether it sets one.
func (t *Tenant) Pathname() (string, bool) { return t.Attributes.Get(PathnameAttribute) }

// PathnameAttribute is the name of the attribute that [Tenant.Pathname] returns.
const PathnameAttribute = "schema_pathname"

// Attributes are further columns of a tenant's row. They never change.
type Attributes struct{ list []tenantdb.Attribute }

// NewAttributes returns the attributes of a row. The caller must not modify list
// afterwards.
func NewAttributes(list []tenantdb.Attribute) Attributes { return Attributes{list} }

// Get returns the value of a column, by the name that the directory's
// configuration gives it.
func (a Attributes) Get(name string) (value string, ok bool) {
	for _, attribute := range a.list {
		if attribute.Name == name {
			return attribute.Value, true
		}
	}
	return "", false
}
