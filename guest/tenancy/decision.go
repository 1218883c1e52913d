package tenancy

import (
	"unsafe"

	"github.com/tenantedge/tenantedge/guest/abi"
)

// Kind is how a tenant was found.
type Kind uint8

// Kinds of routing.
const (
	Unrouted Kind = iota
	ByDomain
	ByHeader
	BySession
)

// Statuses, here because net/http would make the guest four times as large.
const (
	statusOK                = 200
	statusMovedPermanently  = 301
	statusPermanentRedirect = 308
	statusBadRequest        = 400
	statusNotFound          = 404
	statusMisdirected       = 421
)

// Decision is what Route decided. It may be used again for the next request,
// which then allocates nothing; its strings hold until then.
type Decision struct {
	Outcome abi.Outcome
	Status  int // HTTP status of every outcome but abi.Tenant and abi.None

	Schema   string
	TenantID string // id of a dynamic tenant
	Dynamic  bool

	Kind      Kind
	Domain    string // ByDomain: the hostname that matched
	Folder    string // ByDomain: the folder, empty if none
	Reference string // ByHeader, BySession: the value that matched

	URLConf   string
	WSURLConf string
	Path      string // decoded path that the tenant sees: the folder is removed
	Location  string // abi.Redirect: where to

	// Identifier stands for the tenant in file paths and URLs. It is empty if
	// the tenant's own is not fit for that: such a tenant has no files.
	Identifier  string
	CachePrefix string
	Reason      string // why, in one sentence, for people

	// RouteName and RouteKwargs say which websocket route matched.
	RouteFound  bool
	RouteName   string
	RouteKwargs string // one JSON object

	// Headers to set for the upstream: name, value, …
	Headers []string

	scratch  []byte     // what had to be decoded or composed
	findings [3]finding // one a router; here because interfaces make them escape
	primary  Record
	other    Record // a row that is looked up beside the one that is found
}

// Reset empties d, but keeps its memory. Route does that itself.
func (d *Decision) Reset() {
	d.Outcome, d.Status = 0, 0
	d.Schema, d.TenantID, d.Dynamic = "", "", false
	d.Kind, d.Domain, d.Folder, d.Reference = Unrouted, "", "", ""
	d.URLConf, d.WSURLConf, d.Path, d.Location = "", "", "", ""
	d.Identifier, d.CachePrefix, d.Reason = "", "", ""
	d.RouteFound, d.RouteName, d.RouteKwargs = false, "", ""
	d.Headers, d.scratch = d.Headers[:0], d.scratch[:0]
}

// Serve answers with the tenant of a row, found by ref: for guests that find
// tenants in their own way. The path, and what else the tenant is to have, is
// for the caller to set; without a urlconf it has that of the TENANTS table's default.
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

// Refuse answers with one of abi.Missing, abi.BadRequest and abi.Conflict, and
// its status. The reason is one sentence for people.
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

// text returns what was appended to the scratch since start. Growing the
// scratch leaves earlier texts where they are, and nothing is overwritten.
func (d *Decision) text(start int) string {
	b := d.scratch[start:]
	return unsafe.String(unsafe.SliceData(b), len(b))
}
