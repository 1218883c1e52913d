package edge

import (
	"cmp"
	"context"
	"encoding/json"
	"log/slog"
	"net/http"
	"net/netip"
	"time"

	"github.com/tenantedge/tenantedge/edge/channel"
	"github.com/tenantedge/tenantedge/edge/internal/instance"
	"github.com/tenantedge/tenantedge/edge/proof"
	"github.com/tenantedge/tenantedge/edge/smoke"
	"github.com/tenantedge/tenantedge/edge/stats"
	"github.com/tenantedge/tenantedge/edge/storage"
	"github.com/tenantedge/tenantedge/edge/tenant"
	"github.com/tenantedge/tenantedge/edge/trace"
	"github.com/tenantedge/tenantedge/edge/upstream"
	"github.com/tenantedge/tenantedge/edge/websocket"
	"github.com/tenantedge/tenantedge/guest/abi"
	"github.com/tenantedge/tenantedge/tenantdb"
)

// Config configures a Host. The zero value is valid: it routes by domain with the
// default guest, and has no tenants.
type Config struct {
	Guest []byte // the guest's Wasm; nil: the default router, assets.Router
	// Previous is the Wasm of a guest that ran before, to which Rollback returns. It is
	// not tried again; if it cannot be loaded, that is logged. nil: there is none.
	Previous []byte
	// GuestConfig is what every guest is configured with: how it finds tenants, the
	// static tenants, what serves the dynamic ones.
	GuestConfig abi.Config

	// Directory has the dynamic tenants. A source fills and updates it; the Host
	// only reads it, and only if GuestConfig.Default is set. nil: an empty one.
	Directory *tenantdb.Directory

	// TrustedPeers are the networks whose forwarding and tenant headers are
	// trusted. Empty: none.
	TrustedPeers []netip.Prefix
	// PeerTrust decides instead of TrustedPeers how far the peer of the request with
	// this context is trusted, for servers that decide it themselves. Its context is
	// that of the request, or that of RequestFrom. nil: TrustedPeers.
	PeerTrust func(context.Context) Trust
	// GuardHeaders are further request headers that are trusted only from trusted
	// peers. AllowHeaders are guarded headers that every peer may send.
	// Names match in every spelling.
	GuardHeaders, AllowHeaders []string
	// RouteByForwardedHost makes the X-Forwarded-Host of a trusted peer the Host.
	// Otherwise a request in which the two differ is refused with 421.
	RouteByForwardedHost bool
	// ProofKeys verify the proof of a tenant header from a peer that is not
	// trusted; see proof.Sign. Empty: no proof is accepted.
	ProofKeys []proof.Key
	// Upstream names the request headers that carry the decision to an upstream.
	// nil: upstream.DefaultHeaders.
	Upstream *upstream.Headers

	// Websockets says how websockets are served; the zero value: not at all.
	Websockets websocket.Config
	// Channels is the channel layer, for groups of websockets. The caller closes it
	// after the Host. nil: the Host makes one in memory, and closes it.
	Channels channel.Layer

	Sessions SessionReader // reads the session of a request; needed by the router abi.BySession
	// IgnoreUnreadableSessions accepts the decision of the other routers on a request
	// whose session cannot be read, if they find a tenant. Otherwise the request gets
	// 503 also if the session could lead to another tenant: under abi.LastWins or
	// abi.Strict, if no router after abi.BySession finds one. In both cases it is
	// routed, and passed on, as a request without a session.
	IgnoreUnreadableSessions bool
	Queries                  Querier // runs named statements for guests; nil: none

	// Refused writes the response for a request that has no tenant, is
	// malformed or failed. nil: a short plain-text page.
	Refused func(w http.ResponseWriter, r *http.Request, e *RouteError)

	// CompileCache is a folder for the guest's compiled code, which makes the next
	// start about ten times faster. The Host runs the code that it finds there, so
	// no other user may have write access. Empty: none.
	CompileCache string

	Logger *slog.Logger // nil: slog.Default

	// Limits bound what the guest uses. The zero value is safe.
	Limits GuestLimits
	// GuestLogRate is how many bytes a second all guests together may log and
	// print, with bursts of ten seconds' worth. What exceeds it is dropped and
	// counted. Default 16 KiB; negative: unlimited.
	GuestLogRate int64
	// Files opens the files of tenants for guests. New calls it with the Host,
	// which locates them, and Host.Close closes what it returns. nil: guests have
	// no files.
	Files func(storage.Locator) (storage.Storage, error)
	// FileLimits bound what a guest does with Files.
	FileLimits FileLimits
	// Recording keeps a sample of the requests for `tenantedge guest replay`. nil: none.
	Recording *Recording
	// Cost returns where to add what a call of the guest costs, by the context of the
	// request that the call is for; nil: nowhere. A canary adds its calls to those of
	// the current guest, a shadow's cost nothing. Cost may be nil.
	Cost func(context.Context) *stats.Cost
	// Routed is called with the tenant that a request was routed to, or is redirected
	// to, before it is answered. nil: not called.
	Routed func(context.Context, *tenant.Tenant)
	// Tracer follows what the Host does for requests; nil: nothing does. The server puts
	// the request's span into its context.
	Tracer trace.Tracer
	// FallBackToPreviousGuest lets the previous guest, if there is one, decide on a
	// request on which the guest fails. Otherwise its error is ErrGuest.
	FallBackToPreviousGuest bool
	// SmokeRun tries a guest in another process before New or Swap loads it, since
	// some guests crash the compiler. Use smoke.Run. nil: guests are not tried.
	SmokeRun func(context.Context, smoke.Trial) error
	// FixedTime gives guests this time, which does not advance, and the same random
	// numbers in each call, so that tests of guests can be repeated. Never set it in
	// a server: random numbers are not secret. Zero: the real time.
	FixedTime time.Time
	// UnsafeNoReset does not reset a guest's memory between requests, so that a
	// request can read data of an earlier one. Use it only to measure what the
	// reset costs.
	UnsafeNoReset bool
}

// Trust says which headers of a peer are trusted.
type Trust uint8

// The values of Trust.
const (
	Untrusted       Trust = iota // none
	TrustForwarding              // the forwarding headers and GuardHeaders, but not the tenant header
	TrustAll                     // all, as for TrustedPeers
)

// GuestLimits bound what a guest uses. A zero field has its default.
type GuestLimits struct {
	Fuel         uint64        // units of work for one request; default 20,000,000, which take a few milliseconds
	Deadline     time.Duration // for one request, including host functions; default 100 ms. A long message has Fuel and Deadline again for each MiB
	Memory       int64         // bytes of one instance; default 64 MiB
	Stack        int           // frames; default 20,000
	Instances    int           // maximum number; default twice GOMAXPROCS
	QueueTimeout time.Duration // maximum wait for an instance; default 1 s
	// Audit is the number of requests of an instance after which its state is
	// compared with the pristine state. Default 10,000.
	Audit int
}

// SetDefaults sets the zero fields to their defaults, as New does.
func (l *GuestLimits) SetDefaults() { (*instance.Limits)(l).SetDefaults() }

// DefaultGuestLogRate is the default of Config.GuestLogRate, in bytes a second.
const DefaultGuestLogRate = 16 << 10

// FileLimits bound what a guest does with a tenant's files in one request. A zero
// field has its default.
type FileLimits struct {
	Bytes int64 // read, written and listed; default 1 MiB
	Open  int   // files at once; default 16
}

// SetDefaults sets the zero fields to their defaults, as New does.
func (l *FileLimits) SetDefaults() {
	l.Bytes = cmp.Or(l.Bytes, 1<<20)
	l.Open = cmp.Or(l.Open, 16)
}

// SessionReader reads the session of a request from its headers, which have
// canonical names and one Cookie line at most. Session returns nil and no error if
// they name no valid session; an error means that the session could not be read.
type SessionReader interface {
	Session(ctx context.Context, header http.Header) (map[string]json.RawMessage, error)
}

// SessionRemover is a [SessionReader] that removes from a request's headers what
// an application could take for a session. Without it, every request whose
// session cannot be read gets 503.
type SessionRemover interface {
	RemoveSession(http.Header)
}

// SessionCleaner is a [SessionReader] that removes from a request's headers what
// an application could take for another session than the one that Session
// finds. CleanSession returns header itself if there is nothing of the kind,
// and a changed copy otherwise; Session finds the same in both.
type SessionCleaner interface {
	CleanSession(header http.Header) http.Header
}

// Querier runs the statement that the configuration calls name, in the
// search_path of schema, with args (a JSON array), and returns a JSON array of
// objects. The guest gets an error that is an abi.Errno, and abi.Internal for any
// other.
type Querier interface {
	Query(ctx context.Context, schema, name string, args json.RawMessage) (json.RawMessage, error)
}

// PublicQuerier is a [Querier] that also serves guests before they have found the
// tenant. QueryPublic runs only statements that are configured for that; they see
// the schema public and no tenant's.
type PublicQuerier interface {
	QueryPublic(ctx context.Context, name string, args json.RawMessage) (json.RawMessage, error)
}
