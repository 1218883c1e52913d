package tenancy

import (
	"unsafe"

	"github.com/tenantedge/tenantedge/guest/abi"
)

// Kind is the kind of router that found a tenant.
type Kind uint8

// Kinds of routing.
const (
	Unrouted Kind = iota
	ByDomain
	ByHeader
	BySession
)

// HTTP statuses. Importing net/http would add 1.8 MB to the guest.
const (
	statusOK                = 200
	statusMovedPermanently  = 301
	statusPermanentRedirect = 308
	statusBadRequest        = 400
	statusNotFound          = 404
	statusMisdirected       = 421
)

// Decision is the result of Route. Reusing it for the next request avoids
// allocations; its strings are valid until then.
type Decision struct {
	Outcome abi.Outcome
	Status  int // HTTP status of every outcome but abi.Tenant and abi.None

	Schema   string
	TenantID string // id of a dynamic tenant
	Dynamic  bool   // whether the tenant is a row of the directory

	Kind      Kind
	Domain    string // ByDomain: the hostname that matched
	Folder    string // ByDomain: the folder, empty if none
	Reference string // ByHeader, BySession: the value that matched

	URLConf   string
	WSURLConf string
	Path      string // decoded path that the tenant sees, without the folder; empty: that of the request
	Location  string // abi.Redirect: value of the Location header

	// Identifier is the tenant's name in file paths and URLs. It is empty if the
	// row's schema_pathname is not one path segment: such a tenant has no files.
	Identifier  string
	CachePrefix string
	Reason      string // one sentence, for logs

	// The websocket route that matched.
	RouteFound  bool
	RouteName   string
	RouteKwargs string // one JSON object

	// Headers to set in the request to the upstream: name, value, …
	Headers []string

	scratch  []byte     // decoded and composed text
	findings [3]finding // by router; in the Decision because they escape
	primary  Record     // the tenant's primary domain row
	other    Record     // a row of a further lookup
}

// Reset empties d and keeps its memory. Route calls it.
func (d *Decision) Reset() {
	d.Outcome, d.Status = 0, 0
	d.Schema, d.TenantID, d.Dynamic = "", "", false
	d.Kind, d.Domain, d.Folder, d.Reference = Unrouted, "", "", ""
	d.URLConf, d.WSURLConf, d.Path, d.Location = "", "", "", ""
	d.Identifier, d.CachePrefix, d.Reason = "", "", ""
	d.RouteFound, d.RouteName, d.RouteKwargs = false, "", ""
	d.Headers, d.scratch = d.Headers[:0], d.scratch[:0]
}

// Serve sets the decision to the tenant of a row that was found by ref. It is for
// guests with their own routing, which must set Path and may set other fields.
// Without a URLConf the tenant has that of the TENANTS table's default.
func (d *Decision) Serve(row *Record, by Kind, ref string) {
	d.Outcome, d.Status = abi.Tenant, statusOK
	d.Schema, d.TenantID, d.Dynamic = row.Schema, row.ID, true
	d.CachePrefix, d.Identifier = row.Schema, row.Schema
	if row.HasPathname {
		d.Identifier = row.Pathname
	}
	d.Kind = by
	if by == ByDomain {
		d.Domain, d.Folder = ref, row.Folder
	} else {
		d.Reference = ref
	}
}

// Refuse sets the outcome, one of abi.Missing, abi.BadRequest and abi.Conflict,
// with its status. The reason is one sentence for logs.
func (d *Decision) Refuse(o abi.Outcome, reason string) {
	d.Outcome, d.Reason = o, reason
	switch o {
	case abi.Missing:
		d.Status = statusNotFound
	case abi.BadRequest:
		d.Status = statusBadRequest
	case abi.Conflict:
		d.Status = statusMisdirected
	}
}

// text returns the bytes of the scratch from start on. Earlier texts stay valid,
// since the scratch is only appended to.
func (d *Decision) text(start int) string {
	b := d.scratch[start:]
	return unsafe.String(unsafe.SliceData(b), len(b))
}
