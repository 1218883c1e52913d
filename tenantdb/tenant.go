package tenantdb

import (
	"slices"
	"strings"
	"time"
)

// Attribute is another column of a tenant's row, as text.
type Attribute struct{ Name, Value string }

// Tenant is a row of the tenant table.
type Tenant struct {
	ID     string // primary key as text
	Schema string // name of its Postgres schema
	// Attributes are other columns, sorted by name. All lookups share them: they
	// are read-only.
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
	IsPrimary         bool   // the target of the tenant's rows with RedirectToPrimary
	RedirectToPrimary bool
}

// Match is the domain row that a lookup found, with its tenant.
type Match struct {
	Tenant            Tenant
	Domain, Folder    string
	IsPrimary         bool
	RedirectToPrimary bool
	// Ambiguous reports, for Primary, that several rows of the tenant have
	// IsPrimary.
	Ambiguous bool
}

// State is the content of both tables, in load order: of rows with the same
// domain and folder, and of a tenant's primary rows, the first one wins.
type State struct {
	Tenants []Tenant
	Domains []Domain
	// SyncedAt is the time at which the source held this state. Zero: now.
	SyncedAt time.Time
}

// Change replaces one tenant: its row and all of its domain rows, in load order.
type Change struct {
	Tenant  Tenant // only the ID is used if Removed
	Domains []Domain
	Removed bool
}
