package edge

import (
	"context"
	"net/http"

	"github.com/tenantedge/tenantedge/edge/internal/trust"
	"github.com/tenantedge/tenantedge/guest/abi"
)

// RequestOf makes a Request of a net/http request: it checks whether the peer is
// trusted and whether a tenant header is proved, and reads the session. The error
// is a *RouteError, for a request that cannot be routed, or that of ctx. A caller
// that passes the request on must send Request.Header instead of r.Header: a
// session that could not be read, and cookies that an application could take for
// another session, are removed from it.
func (h *Host) RequestOf(ctx context.Context, r *http.Request) (Request, error) {
	r, rejection := h.trust.Normalize(r)
	if rejection != nil {
		return Request{}, rejected(rejection)
	}
	return h.requestOf(ctx, r)
}

func (h *Host) requestOf(ctx context.Context, r *http.Request) (Request, error) {
	q := Request{
		Method:    r.Method,
		Scheme:    "http",
		Host:      r.Host,
		NoHost:    r.Host == "",
		Target:    r.RequestURI,
		Header:    r.Header,
		Trusted:   h.TrustsPeer(r),
		Websocket: trust.IsWebsocket(r),
	}
	if r.TLS != nil {
		q.Scheme = "https"
	}
	if q.Target == "" { // not from a server: httptest.NewRequest sets it, http.NewRequest does not
		q.Target = r.URL.RequestURI()
	}
	if r.URL != nil {
		q.Path = r.URL.Path
	}
	if h.config.Compat == Hardened {
		if rejection := trust.CheckHost(r, q.Target); rejection != nil {
			return q, rejected(rejection)
		}
	}
	if !q.Trusted {
		q.Trusted = h.proves(r, &q)
	}
	if h.config.Sessions != nil && h.config.routes(RouteSession) {
		if err := h.readSession(ctx, r, &q); err != nil {
			return q, err
		}
	}
	return q, nil
}

// TrustsPeer reports whether the request's socket peer is in Config.TrustedPeers.
func (h *Host) TrustsPeer(r *http.Request) bool { return h.trust.Peer(r) }

func (h *Host) proves(r *http.Request, q *Request) bool {
	ok, err := h.trust.Proved(r.Header, q.Method, q.Host, q.Target)
	if err != nil {
		h.config.Logger.DebugContext(r.Context(), "tenant header rejected", "reason", err)
	}
	return ok
}

// newRules returns the rules for which parts of a request a Host trusts.
func newRules(c *Config) *trust.Rules {
	return trust.New(trust.Config{
		Peers: c.TrustedPeers, ProofKeys: c.ProofKeys, TenantHeader: c.TenantHeader, Upstream: c.Upstream.Names(),
		Guard: c.GuardHeaders, Allow: c.AllowHeaders,
		RouteForwardedHost: c.ForwardedHost == RouteByForwardedHost, NormalizeHost: c.Compat == Hardened,
	})
}

// rejected returns the RouteError of a rejection, or nil for nil.
func rejected(r *trust.Rejection) *RouteError {
	if r == nil {
		return nil
	}
	e := &RouteError{Status: r.Status, Outcome: abi.BadRequest, Reason: r.Reason}
	if r.Status == http.StatusMisdirectedRequest {
		e.Outcome = abi.Conflict
	}
	return e
}
