package abi

// Fields of a route request. The fields from ReqHeader0 on are the values of
// [Configured.Headers], in that order. The values of a repeated header, and of a
// repeated Host, are joined by line feeds in the order of arrival; a header value
// cannot contain a line feed. Values are as the client sent them.
const (
	ReqMethod  = 0
	ReqScheme  = 1 // "http" or "https", as the client speaks it to the edge
	ReqHost    = 2 // Host header or :authority; absent if the client sent none
	ReqTarget  = 3 // request-target as on the wire: "/a%20b?c", "*", "http://h/p"
	ReqSession = 4 // the value under the session key as JSON; absent without one
	ReqHeader0 = 5
)

// Flags in the word of a route request.
const (
	ReqTrusted   = 1 << 0 // the peer is trusted, or has proved the tenant header: the guest may use the header
	ReqWebsocket = 1 << 1 // a websocket handshake
	ReqExplain   = 1 << 2 // the host wants DecReason for every outcome, also for Tenant
)

// Fields of a decision. The fields from DecHeader0 on are pairs of a name and a
// value: headers to set in the request to the upstream, in addition to those of
// the host's configuration.
//
// A decision has no attributes of the tenant. The host takes them, and the id, from
// the row of the directory that has the schema.
const (
	DecSchema     = 0
	DecTenantID   = 1 // id of a dynamic tenant; absent for a static one
	DecDomain     = 2 // routing by domain: the hostname that matched
	DecFolder     = 3 // routing by domain: the folder, empty if none
	DecReference  = 4 // routing by header or session: the value that matched
	DecURLConf    = 5 // absent for a dynamic tenant: that of the configuration's default
	DecWSURLConf  = 6
	DecPath       = 7 // decoded path that the tenant's handler sees, without the folder; absent or empty: that of the request
	DecLocation   = 8 // redirect: the Location header, //host/… with a registered domain, and its folder if it has no row without one
	DecIdentifier = 9 // the tenant's name in file paths and URLs
	// DecCachePrefix is the prefix of the tenant's keys in a shared cache: the
	// schema, or the schema, a colon and more. If it is absent, the host uses the
	// schema. Any other prefix makes the decision malformed.
	DecCachePrefix = 10
	DecReason      = 11 // the reason in one sentence, for logs and `tenantedge eval`; clients never get it
	DecRouteName   = 12 // websocket: name of the route that matched
	DecRouteKwargs = 13 // websocket: its values as one JSON object
	DecHeader0     = 14
)

// The word of a decision is outcome | flags | status<<16.
const (
	DecOutcomeMask = 0xff
	DecDynamic     = 1 << 8 // the tenant is a row of the directory
	DecBySession   = 1 << 9 // the reference comes from the session, not from the header
	DecStatusShift = 16
)

// Outcome is the kind of a decision.
type Outcome uint8

// Outcomes. A decision with another one is malformed.
const (
	Tenant     Outcome = 1 // a tenant was found, which serves the request
	Redirect   Outcome = 2 // redirect with the status to DecLocation
	Missing    Outcome = 3 // no tenant: 404
	None       Outcome = 4 // no router found a tenant; the request continues without one
	BadRequest Outcome = 5 // 400
	Conflict   Outcome = 6 // the routers disagree, or the host does not fit: 421
)

var outcomeNames = [...]string{Tenant: "tenant", Redirect: "redirect", Missing: "not_found", None: "none", BadRequest: "bad_request", Conflict: "conflict"}

// String returns the outcome as `tenantedge eval` prints it, and "error" for one
// that the contract does not have.
func (o Outcome) String() string {
	if o == 0 || int(o) >= len(outcomeNames) {
		return "error"
	}
	return outcomeNames[o]
}

// Fields of a record, the answer of the tenant lookups. The fields from RecAttr0
// on are pairs of a name and a value: the tenant's attributes, which are further
// columns of its row, such as schema_pathname.
const (
	RecID     = 0
	RecSchema = 1
	RecDomain = 2 // domain of the row that matched; absent in a lookup by reference
	RecFolder = 3
	RecAttr0  = 4
)

// Flags in the word of a record.
const (
	RecPrimary           = 1 << 0 // the row is the tenant's primary one
	RecRedirectToPrimary = 1 << 1 // requests for the row are to be redirected to the primary row
	RecAmbiguous         = 1 << 2 // primary_domain: several rows are primary, this is the first
)
