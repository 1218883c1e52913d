package edge

import (
	"context"
	"net/http"

	"github.com/tenantedge/tenantedge/edge/internal/header"
	"github.com/tenantedge/tenantedge/edge/internal/trust"
	"github.com/tenantedge/tenantedge/guest/abi"
)

// Incoming is a request that a server other than net/http has received, for
// [Host.RequestFrom]. Its fields must be those that the server received, before it
// or a middleware normalized them: the Host checks and compares them.
type Incoming struct {
	Method string // such as "GET"
	Host   string // Host header, or :authority of HTTP/2 and 3; a repeated one joined by "\n"; empty: none
	Target string // path and query, still encoded
	// Header has all header fields but Host and pseudo-headers, with names in any
	// case. RequestFrom does not change it. nil: none.
	Header http.Header
	// RemoteAddr is the IP:port of the socket peer, as of net.Conn.RemoteAddr. A
	// peer without IP and port, such as that of a Unix socket, is not trusted.
	RemoteAddr string
	TLS        bool   // the connection is encrypted: the scheme is https
	ServerName string // in the TLS handshake (SNI); empty: none, so that Host is not compared with it
	// ProtoMajor and ProtoMinor are the version of HTTP, such as 2 and 0. Only
	// HTTP/1.1 has websocket handshakes. Both zero: 1 and 1.
	ProtoMajor, ProtoMinor int
	// ContentLength is the length of the body in bytes; negative: unknown. HTTP/2
	// and later: a known length must be that of the Content-Length header, if there
	// is one.
	ContentLength int64
}

// RequestOf makes a Request of a net/http request: it checks whether the peer is
// trusted and whether a tenant header is proved, and reads the session. The error
// is a *RouteError, for a request that cannot be routed, or that of ctx.
//
// A caller that passes the request on must send the Host of the Request and the
// headers of [Host.ApplicationHeader] or [Host.UpstreamHeader], not those of r.
// Middleware does.
func (h *Host) RequestOf(ctx context.Context, r *http.Request) (Request, error) {
	in := trust.RequestOf(r)
	return h.requestOf(ctx, &in)
}

// RequestFrom is [Host.RequestOf] for servers that are not net/http. It also
// rejects header fields that net/http would reject. It does not set Request.Path.
//
// A caller that passes websocket handshakes on must check them with
// [Host.CheckHandshake].
func (h *Host) RequestFrom(ctx context.Context, in *Incoming) (Request, error) {
	fields, ok := header.Canonical(in.Header)
	if !ok {
		return Request{}, rejected(&trust.Rejection{Status: http.StatusBadRequest, Reason: "a header field has an invalid name or value"})
	}
	q := trust.Request{
		Method: in.Method, Host: in.Host, Target: in.Target, Header: fields, RemoteAddr: in.RemoteAddr,
		ProtoMajor: in.ProtoMajor, ProtoMinor: in.ProtoMinor, ContentLength: in.ContentLength, TLS: in.TLS, ServerName: in.ServerName,
	}
	if q.ProtoMajor == 0 && q.ProtoMinor == 0 {
		q.ProtoMajor, q.ProtoMinor = 1, 1
	}
	return h.requestOf(ctx, &q)
}

// requestOf implements RequestOf and RequestFrom. It normalizes in.
func (h *Host) requestOf(ctx context.Context, in *trust.Request) (Request, error) {
	peer := h.peerTrust(ctx, in.RemoteAddr)
	in.Trusted = peer >= TrustForwarding
	if rejection := h.trust.Normalize(in); rejection != nil {
		return Request{}, rejected(rejection)
	}
	q := Request{
		Method:      in.Method,
		Scheme:      "http",
		Host:        in.Host,
		NoHost:      in.Host == "",
		Target:      in.Target,
		Path:        in.Path,
		Header:      in.Header,
		RemoteAddr:  in.RemoteAddr,
		Trusted:     peer == TrustAll,
		TrustedPeer: in.Trusted,
		Websocket:   in.IsWebsocket(),
	}
	if in.TLS {
		q.Scheme = "https"
	}
	if !q.Trusted {
		q.Trusted = h.proves(ctx, in)
	}
	if h.config.Sessions != nil && h.config.routes(abi.BySession) {
		if err := h.readSession(ctx, &q); err != nil {
			return q, err
		}
	}
	return q, nil
}

// TrustsPeer reports whether the forwarding headers of the peer that sent r are
// trusted.
func (h *Host) TrustsPeer(r *http.Request) bool {
	return h.peerTrust(r.Context(), r.RemoteAddr) >= TrustForwarding
}

// peerTrust returns how far the peer of the request with this context is trusted.
func (h *Host) peerTrust(ctx context.Context, remoteAddr string) Trust {
	if decide := h.config.PeerTrust; decide != nil {
		return decide(ctx)
	}
	if h.trust.Peer(remoteAddr) {
		return TrustAll
	}
	return Untrusted
}

func (h *Host) proves(ctx context.Context, in *trust.Request) bool {
	ok, err := h.trust.Proved(in)
	if err != nil {
		h.config.Logger.DebugContext(ctx, "tenant header rejected", "reason", err)
	}
	return ok
}

// newRules returns the rules for which parts of a request a Host trusts.
func newRules(c *Config) *trust.Rules {
	return trust.New(trust.Config{
		Peers: c.TrustedPeers, ProofKeys: c.ProofKeys, TenantHeader: c.GuestConfig.TenantHeader, Upstream: c.Upstream.Names(),
		Guard: c.GuardHeaders, Allow: c.AllowHeaders,
		RouteForwardedHost: c.RouteByForwardedHost, Hardened: c.GuestConfig.Compat == abi.Hardened,
	})
}

// rejected returns the RouteError of a rejection.
func rejected(r *trust.Rejection) *RouteError {
	e := &RouteError{Status: r.Status, Outcome: abi.BadRequest, Reason: r.Reason}
	if r.Status == http.StatusMisdirectedRequest {
		e.Outcome = abi.Conflict
	}
	return e
}
