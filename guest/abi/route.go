package abi

// Fields of a route request. From ReqHeader0 on come the values of the headers
// that the guest asked for ([Configured]), in the order in which it asked; a
// header that was sent more than once has its values in the order of arrival,
// separated by a line feed, which no header value can hold. The same goes for
// the host. Values are as they came on the wire.
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
	ReqTrusted   = 1 << 0 // the peer is trusted, or proved the tenant header: its reference headers may be believed
	ReqWebsocket = 1 << 1 // a websocket handshake
	ReqExplain   = 1 << 2 // the host wants DecReason for every outcome, not for refusals alone
)

// Fields of a decision. From DecHeader0 on come pairs of a name and a value:
// request headers that the guest wants set for the upstream, beside those that
// the host's configuration names.
const (
	DecSchema     = 0
	DecTenantID   = 1 // id of a dynamic tenant; absent for a static one
	DecDomain     = 2 // routing by domain: the hostname that matched
	DecFolder     = 3 // routing by domain: the folder, empty if none
	DecReference  = 4 // routing by header or session: the value that matched
	DecURLConf    = 5 // absent, of a dynamic tenant: that of the configuration's default
	DecWSURLConf  = 6
	DecPath       = 7 // decoded path that the tenant's handler sees, folder removed
	DecLocation   = 8 // redirect: value of the Location header
	DecIdentifier = 9 // what stands for the tenant in file paths and URLs
	// DecCachePrefix is what keys in a shared cache begin with: the schema, alone or
	// with a colon and more after it. A host fills in the schema where it is absent,
	// and refuses anything else.
	DecCachePrefix = 10
	DecReason      = 11 // why, for people: one sentence, for logs and `eval`, never for clients
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

// Outcome says what a decision is.
type Outcome uint8

// Outcomes. Anything else in a decision makes it malformed.
const (
	Tenant     Outcome = 1 // serve it: a tenant was found
	Redirect   Outcome = 2 // answer with DecStatus and DecLocation
	Missing    Outcome = 3 // no tenant: 404
	None       Outcome = 4 // no router found a tenant, and the request may go on without one
	BadRequest Outcome = 5 // 400
	Conflict   Outcome = 6 // the routers disagree, or the host does not fit: 421
)

var outcomeNames = [...]string{Tenant: "tenant", Redirect: "redirect", Missing: "not_found", None: "none", BadRequest: "bad_request", Conflict: "conflict"}

// String returns the outcome as `tenantedge eval` prints it; "error" for one
// that is not in the contract.
func (o Outcome) String() string {
	if o == 0 || int(o) >= len(outcomeNames) {
		return "error"
	}
	return outcomeNames[o]
}

// Fields of the record with which the tenant lookups answer. From RecAttr0 on
// come pairs of a name and a value: the tenant's attributes, which are further
// columns of its row (schema_pathname, say).
const (
	RecID     = 0
	RecSchema = 1
	RecDomain = 2 // the row that matched; absent when looked up by reference
	RecFolder = 3
	RecAttr0  = 4
)

// Flags in the word of a record.
const (
	RecPrimary           = 1 << 0 // the row is the tenant's primary one
	RecRedirectToPrimary = 1 << 1 // the row asks to be redirected to the primary one
	RecAmbiguous         = 1 << 2 // answer of primary_domain: several rows claim to be the primary one, this is the first
)
