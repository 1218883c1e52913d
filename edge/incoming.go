package edge

import (
	"context"
	"net/http"
	"net/netip"
	"strings"
	"time"
)

// RequestOf makes a Request of one that net/http received: whether its peer is
// trusted, whether a tenant header is proved, what its session says. An error
// is a *RouteError for what cannot be routed at all. Whoever passes the request
// on passes on Request.Header, not its own: a session that could not be read, and
// cookies that could be taken for another session, are missing there.
func (h *Host) RequestOf(ctx context.Context, r *http.Request) (Request, error) {
	r, e := h.unambiguous(r)
	if e != nil {
		return Request{}, e
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
		Websocket: isWebsocket(r),
	}
	if r.TLS != nil {
		q.Scheme = "https"
	}
	if q.Target == "" { // not from a server: httptest.NewRequest sets it, http.NewRequest does not
		q.Target = r.URL.RequestURI()
	}
	if r.URL != nil {
		q.path = r.URL.Path
	}
	if h.config.Compat == Hardened {
		if err := misdirected(r, &q); err != nil {
			return q, err
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

// misdirected refuses what leaves open which host a request is for.
func misdirected(r *http.Request, q *Request) error {
	if hosts := r.Header["Host"]; r.ProtoMajor > 1 && len(hosts) > 0 && (len(hosts) > 1 || hosts[0] != r.Host) {
		// Of HTTP/2: net/http takes the authority and leaves this for applications.
		return &RouteError{Status: http.StatusBadRequest, Outcome: OutcomeBadRequest, Reason: "the Host is not the authority"}
	}
	if !strings.HasPrefix(q.Target, "/") && q.Target != "*" && r.Context().Value(http.ServerContextKey) != nil {
		// A server of net/http drops the Host header when the target has an
		// authority, so that nobody could say whether the two agree. (What
		// httptest.NewRequest makes has no such server, and no second host.)
		return &RouteError{Status: http.StatusBadRequest, Outcome: OutcomeBadRequest, Reason: "the target is absolute: expected a path"}
	}
	if r.TLS == nil || r.TLS.ServerName == "" || r.Host == "" { // without a host it is refused anyway
		return nil
	}
	if host := hostname(r.Host); !strings.EqualFold(strings.TrimSuffix(host, "."), strings.TrimSuffix(r.TLS.ServerName, ".")) {
		return &RouteError{Status: http.StatusMisdirectedRequest, Outcome: OutcomeConflict, Reason: "the Host is not the server name of the TLS connection"}
	}
	return nil
}

// hostname is a Host without its port.
func hostname(host string) string {
	if i := strings.LastIndexByte(host, ':'); i >= 0 && strings.IndexByte(host[i:], ']') < 0 {
		return host[:i]
	}
	return host
}

// TrustsPeer reports whether the request's socket peer is in Config.TrustedPeers.
func (h *Host) TrustsPeer(r *http.Request) bool {
	if len(h.config.TrustedPeers) == 0 {
		return false
	}
	peer, err := netip.ParseAddrPort(r.RemoteAddr)
	if err != nil {
		return false
	}
	addr := peer.Addr().Unmap().WithZone("")
	for _, p := range h.config.TrustedPeers {
		if p.Contains(addr) {
			return true
		}
	}
	return false
}

func (h *Host) proves(r *http.Request, q *Request) bool {
	if len(h.config.ProofKeys) == 0 {
		return false
	}
	proofs := r.Header.Values(ProofHeader)
	tenants := r.Header.Values(h.config.TenantHeader)
	if len(proofs) != 1 || len(tenants) != 1 {
		return false
	}
	err := verifyProof(h.config.ProofKeys, proofs[0], q.Method, q.Host, q.Target, tenants[0], time.Now())
	if err != nil {
		h.config.Logger.DebugContext(r.Context(), "tenant header refused", "reason", err)
	}
	return err == nil
}
