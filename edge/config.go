package edge

import (
	"context"
	"encoding/json"
	"log/slog"
	"net/http"
	"net/netip"
	"time"

	"github.com/tenantedge/tenantedge/edge/channel"
	"github.com/tenantedge/tenantedge/edge/proof"
	"github.com/tenantedge/tenantedge/edge/smoke"
	"github.com/tenantedge/tenantedge/edge/storage"
	"github.com/tenantedge/tenantedge/edge/upstream"
	"github.com/tenantedge/tenantedge/edge/websocket"
	"github.com/tenantedge/tenantedge/guest/abi"
	"github.com/tenantedge/tenantedge/tenantdb"
)

// Values of Config.Compat, Config.Routers, Config.Conflicts, Config.OnGuestError
// and Config.SessionsUnavailable.
const (
	Hardened = "hardened" // our own, safer semantics: the default
	Strict   = "strict"   // what django-pgschemas does, for teams that move over

	RouteDomain  = "domain"
	RouteHeader  = "header"
	RouteSession = "session"

	Refuse   = "refuse"    // routers that disagree: 421, the default
	LastWins = "last-wins" // the last router that finds a tenant prevails

	Previous = "previous" // Config.OnGuestError: the guest before decides
	Ignore   = "ignore"   // Config.SessionsUnavailable: the other routers decide

	RouteByForwardedHost = "route" // Config.ForwardedHost: a trusted peer's X-Forwarded-Host becomes the Host
)

// Config is what a Host is made of. The zero value is valid: it routes by
// domain with the default guest, and knows no tenant.
type Config struct {
	Guest []byte // the guest's Wasm; nil: the default router, assets.Router

	Compat           string   // Hardened (default) or Strict
	Routers          []string // in order; default: RouteDomain alone
	Conflicts        string   // Refuse (default) or LastWins
	TenantHeader     string   // default "tenant"
	TenantSessionKey string   // default "tenant"

	Tenants    []abi.StaticTenant       // the TENANTS table without public and default, in order
	Default    *abi.DefaultTenant       // for all dynamic tenants; nil: there are none, Directory is not read
	WSURLConfs map[string][]abi.WSRoute // websocket route tables by name
	Settings   json.RawMessage          // the guest's own settings

	// Directory holds the dynamic tenants. A source fills and follows it; the
	// Host only reads. nil: an empty one.
	Directory *tenantdb.Directory

	// TrustedPeers are the networks whose forwarding and tenant headers are
	// believed. Empty: nobody's.
	TrustedPeers []netip.Prefix
	// GuardHeaders are further request headers that are believed from trusted
	// peers alone; AllowHeaders are guarded ones that pass from every peer, as if
	// they were any others. Names match in every spelling.
	GuardHeaders, AllowHeaders []string
	// ForwardedHost says what to do with an X-Forwarded-Host of a trusted peer
	// that is not the Host: Refuse (default), or RouteByForwardedHost.
	ForwardedHost string
	// ProofKeys verify the proof of a tenant header that comes from elsewhere;
	// see proof.Sign. Empty: no proof is accepted.
	ProofKeys []proof.Key
	// Upstream says which request headers carry the decision to an upstream.
	// nil: upstream.DefaultHeaders.
	Upstream *upstream.Headers

	// Websockets says how websockets are served; the zero value: not at all.
	Websockets websocket.Config
	// Channels is the channel layer, for groups of websockets. It is closed by
	// whoever made it, after the Host. nil: one in memory, of the Host's own.
	Channels channel.Layer

	Sessions SessionReader // reads the session of a request; needed by RouteSession
	// SessionsUnavailable says what to do with a request whose session cannot be
	// read. It is decided, and passed on, as a request without a session. Refuse
	// (default) answers 503 instead where the session could lead to another
	// tenant: no other router finds one, or routers after RouteSession find none
	// under LastWins or Strict. Ignore answers 503 only where no other router
	// finds a tenant.
	SessionsUnavailable string
	Queries             Querier // runs named statements for guests; nil: none

	// Refused writes the response for a request that has no tenant, is
	// malformed or failed. nil: a short plain-text page.
	Refused func(w http.ResponseWriter, r *http.Request, e *RouteError)

	// CompileCache is a folder that keeps the guest's compiled code, so that
	// the next start takes a tenth of the time; empty: none. What is in it is
	// run: nobody else may be able to write there.
	CompileCache string

	Logger *slog.Logger // nil: slog.Default

	// Limits hold the guest. The zero value is safe.
	Limits GuestLimits
	// GuestLogRate is how many bytes a second guests may log and print, all
	// together; ten seconds' worth may come at once. What exceeds it is dropped
	// and counted. Default 16 KiB; negative: no bound.
	GuestLogRate int64
	// Files opens the files of tenants for guests. New calls it with the Host,
	// which locates them, and Host.Close closes what it returns. nil: guests have
	// no files.
	Files func(storage.Locator) (storage.Storage, error)
	// FileLimits bound what a guest does with Files.
	FileLimits FileLimits
	// OnGuestError is Refuse (default): a request at which the guest fails
	// gets ErrGuest; or Previous: the program before it decides, if there is
	// one.
	OnGuestError string
	// SmokeRun tries a guest in another process before New or Swap lets it in,
	// since some guests crash the compiler: smoke.Run. nil: guests are not tried.
	SmokeRun func(context.Context, smoke.Trial) error
	// UnsafeNoReset leaves a guest's memory as each request left it, so that
	// the next may read what it held. It shows in a benchmark what starting
	// from a pristine guest costs, and is for nothing else.
	UnsafeNoReset bool
}

// GuestLimits are what a guest is held to. A field that is zero has its default.
type GuestLimits struct {
	Fuel         uint64        // units of work for one request, default 20,000,000, a few milliseconds
	Deadline     time.Duration // for one request, with what the guest waits for; default 100 ms. A long message has both again for each MiB
	Memory       int64         // bytes of one instance; default 64 MiB
	Stack        int           // frames; default 20,000
	Instances    int           // most at once; default twice GOMAXPROCS
	QueueTimeout time.Duration // longest wait for one; default 1 s
	// Audit: after so many requests of an instance its state is compared
	// with what it must be; default 10,000.
	Audit int
}

// FileLimits are what a guest may do with a tenant's files in one request. A
// field that is zero has its default.
type FileLimits struct {
	Bytes int64 // read, written and listed; default 1 MiB
	Open  int   // files at once; default 16
}

// SessionReader finds the contents of a request's session. It answers nil
// without error if the request has none, or none that is valid; an error means
// that it could not find out.
type SessionReader interface {
	Session(ctx context.Context, r *http.Request) (map[string]json.RawMessage, error)
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
// search_path of schema, with args (a JSON array), and answers a JSON array of
// objects. Errors are an abi.Errno, or are reported to the guest as
// abi.Internal.
type Querier interface {
	Query(ctx context.Context, schema, name string, args json.RawMessage) (json.RawMessage, error)
}

// PublicQuerier is a [Querier] that also answers guests that do not know the
// tenant yet. QueryPublic runs a statement that is meant for that, and no other:
// it sees the schema public and no tenant's.
type PublicQuerier interface {
	QueryPublic(ctx context.Context, name string, args json.RawMessage) (json.RawMessage, error)
}
