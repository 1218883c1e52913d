package edge

import (
	"context"
	"net/http"

	"github.com/tenantedge/tenantedge/edge/internal/guests"
)

// Request is a request to route. [Host.RequestOf] and [Host.RequestFrom] make one.
type Request struct {
	Method string
	Scheme string // "http" or "https"
	Host   string // Host header as sent; the values of a repeated header are joined by "\n"
	NoHost bool   // the client sent no Host
	Target string // request target as sent: path and query, still encoded
	// Path is the decoded path of Target. It may be empty; setting it saves an
	// allocation.
	Path   string
	Header http.Header // with canonical names, as in net/http
	// RemoteAddr is the IP:port of the socket peer. Route does not read it.
	RemoteAddr string
	// Session is the JSON of the value under abi.Config.TenantSessionKey in the verified
	// session of the request; empty: there is none.
	Session string
	// SessionError is why the session could not be read. The request is then routed
	// as Config.IgnoreUnreadableSessions says.
	SessionError error
	// Trusted says that the tenant header is trusted: the peer is trusted, or the
	// header has a valid proof.
	Trusted     bool
	TrustedPeer bool // the forwarding headers are trusted; Route does not read it
	Websocket   bool // a websocket handshake
	Explain     bool // set Decision.Reason also if a tenant is found
}

// Route asks the guest which tenant a request is for. It does not allocate if the
// tenant is in the directory or in the TENANTS table. The error is ErrBusy,
// ErrClosed, ErrGuest, ErrSession, ErrTooLarge or that of the context; a request
// without a tenant is no error but an Outcome.
func (h *Host) Route(ctx context.Context, r *Request) (d Decision, err error) {
	err = h.route(ctx, r, &d)
	return d, err
}

// route is Route. It writes the decision, which is large, to d. After an error d is
// empty.
func (h *Host) route(ctx context.Context, r *Request, d *Decision) error {
	if err := h.guests.Route(ctx, (*guests.Request)(r), (*guests.Decision)(d)); err != nil {
		return public(err)
	}
	if r.SessionError != nil {
		return h.decidedUnread(r, d)
	}
	return nil
}
