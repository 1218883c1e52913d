package tenantdb

import (
	"slices"
	"strings"
	"time"
)

// Attribute is a further column of a tenant's row, as text.
type Attribute struct{ Name, Value string }

// Tenant is a row of the tenant table.
type Tenant struct {
	ID     string // primary key as text
	Schema string // name of its Postgres schema
	// Attributes are further columns, sorted by name. They are shared by all
	// who look the tenant up: read-only.
	Attributes []Attribute
}

// Attribute returns the value of the attribute with that name.
func (t Tenant) Attribute(name string) (string, bool) {
	i, found := slices.BinarySearchFunc(t.Attributes, name, func(a Attribute, name string) int {
		return strings.Compare(a.Name, name)
	})
	if !found {
		return "", false
	}
	return t.Attributes[i].Value, true
}

// Domain is a row of the domain table. The pair (Domain, Folder) is unique.
type Domain struct {
	TenantID          string
	Domain            string // host name, without port
	Folder            string // first path segment, empty for the whole host
	IsPrimary         bool   // where RedirectToPrimary of the tenant's other rows leads
	RedirectToPrimary bool
}

// Match is the domain row that a lookup found, with its tenant.
type Match struct {
	Tenant            Tenant
	Domain, Folder    string
	IsPrimary         bool
	RedirectToPrimary bool
	// Ambiguous says, of an answer of Primary, that further rows of the tenant
	// claim to be the primary one.
	Ambiguous bool
}

// State is the whole content of both tables, in load order: where rows compete
// (equal domains, several primary rows), the first one wins.
type State struct {
	Tenants []Tenant
	Domains []Domain
	// SyncedAt is when this was known to be the truth. Zero: now.
	SyncedAt time.Time
}

// Change is all that is now known of one tenant: its row and all of its domain
// rows, in load order, which replace whatever was known of it.
type Change struct {
	Tenant  Tenant // with Removed, the ID is enough
	Domains []Domain
	Removed bool
}
