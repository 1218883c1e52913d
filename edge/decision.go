package edge

import (
	"slices"

	"github.com/tenantedge/tenantedge/guest/abi"
	"github.com/tenantedge/tenantedge/tenantdb"
)

// Outcome says what the guest decided about a request.
type Outcome = abi.Outcome

// Outcomes of a Decision.
const (
	OutcomeTenant     = abi.Tenant
	OutcomeRedirect   = abi.Redirect
	OutcomeNotFound   = abi.Missing
	OutcomeNone       = abi.None
	OutcomeBadRequest = abi.BadRequest
	OutcomeConflict   = abi.Conflict
)

// Kinds of Routing.
const (
	ByDomain  = "domain"
	ByHeader  = "header"
	BySession = "session"
)

// Routing is how a tenant was found.
type Routing struct {
	Kind      string // ByDomain, ByHeader or BySession; empty: there is no tenant
	Domain    string // ByDomain: the hostname that matched
	Folder    string // ByDomain: the folder that matched, empty if none
	Reference string // ByHeader, BySession: the value that matched
}

// Tenant is what a handler may know of the tenant that a request is for.
// All strings stay valid after the request.
type Tenant struct {
	Schema      string // Postgres schema
	ID          string // id of the row as text; empty for a static tenant
	Dynamic     bool   // a row of the directory, not an entry of the TENANTS table
	Routing     Routing
	URLConf     string // name of the route table for HTTP requests
	WSURLConf   string // the same for websockets
	Path        string // decoded path that the tenant sees: the folder is removed
	Identifier  string // stands for the tenant in file paths and URLs
	CachePrefix string // what a key of the tenant's in a shared cache starts with
	attributes  []tenantdb.Attribute
}

// Attribute returns a further column of the tenant's row, as the directory's
// configuration names it.
func (t *Tenant) Attribute(name string) (string, bool) {
	for _, a := range t.attributes {
		if a.Name == name {
			return a.Value, true
		}
	}
	return "", false
}

// SetAttribute sets a further column of the tenant's row: for tests of handlers
// (see WithTenant), and to ask Host.Pathname about a tenant that is in no
// directory.
func (t *Tenant) SetAttribute(name, value string) {
	rest := slices.DeleteFunc(slices.Clone(t.attributes), func(a tenantdb.Attribute) bool { return a.Name == name })
	t.attributes = append(rest, tenantdb.Attribute{Name: name, Value: value})
}

// Decision is what the guest decided about one request.
type Decision struct {
	Outcome  Outcome
	Status   int    // HTTP status for every outcome but tenant and none
	Location string // OutcomeRedirect: where to
	Reason   string // why, for people; never shown to clients; see Request.Explain
	Tenant   Tenant // OutcomeTenant, and OutcomeRedirect as far as it is known
	// WSRoute is the websocket route that matched; empty name: none did.
	WSRoute WSMatch
	// Headers are what the guest wants set for the upstream: name, value, …
	Headers []string
}

// WSMatch is a websocket route that matched, with its values.
type WSMatch struct {
	Name   string
	Kwargs string // one JSON object
	Found  bool
}
