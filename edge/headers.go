package edge

import (
	"net/http"

	"github.com/tenantedge/tenantedge/edge/internal/header"
	"github.com/tenantedge/tenantedge/edge/internal/trust"
	"github.com/tenantedge/tenantedge/edge/tenant"
	"github.com/tenantedge/tenantedge/guest/abi"
)

// Forward sets the Host and the headers of out, the request that a proxy sends to
// an application for the incoming request in, which Middleware has routed: the
// forwarding headers (X-Forwarded-For, -Host, -Proto), and those of
// Config.Upstream and the guest. inner says that the proxy has removed the
// tenant's folder from the path; X-Forwarded-Prefix then has it. Package
// edge/upstream has a proxy that calls this. [Host.UpstreamHeader] is for servers
// that are not net/http.
//
// What the client sent under these names is replaced or removed, in every
// spelling, except that the forwarding headers of a trusted peer are kept and
// extended.
func (h *Host) Forward(in, out *http.Request, inner bool) {
	hop := trust.Hop{Host: in.Host, Scheme: "http", RemoteAddr: in.RemoteAddr, Trusted: h.peerTrust(in.Context(), in.RemoteAddr) >= TrustForwarding}
	if in.TLS != nil {
		hop.Scheme = "https"
	}
	t, set := decisionOf(in)
	out.Host = h.forward(out.Header, hop, t, set, inner)
}

// SetDecision sets in out the headers that carry the decision on in, which
// Middleware has routed: those of Config.Upstream and the guest. It removes what
// the client sent under these names, in every spelling, and returns the Host to
// send. It is for proxies that set the forwarding headers themselves; [Host.Forward]
// sets them too.
func (h *Host) SetDecision(in *http.Request, out http.Header) (host string) {
	t, set := decisionOf(in)
	h.setDecision(out, t, set)
	return h.trust.HostFor(in.Host)
}

// decisionOf returns the tenant of a request, nil if there is none, and the names
// and values of the headers that the guest sets.
func decisionOf(in *http.Request) (t *tenant.Tenant, set []string) {
	t, _ = tenant.From(in.Context())
	// The tenant of a tenant.NewContext has no decision.
	if c, _ := in.Context().Value(routedKey{}).(*routedContext); c != nil && t == &c.tenant {
		set = c.headers
	}
	return t, set
}

// ApplicationHeader returns the headers that an application may get of a request
// that RequestOf or RequestFrom made: without tenant and forwarding headers that
// only trusted peers may set, without those that only the guest may set, without
// sessions other than the one that was read, and without upgrades except to
// websocket. It returns q.Header itself if it removes nothing, and a copy otherwise.
// It is for applications in the same process, which get the decision in another way,
// such as tenant.NewContext and Decision.Headers. The fields of a trailer must not be
// passed on.
func (h *Host) ApplicationHeader(q *Request) http.Header {
	passed := h.trust.PassOn(q.Header, q.TrustedPeer, q.Websocket)
	for _, name := range h.guestHeaders() {
		if !header.HasFolded(passed, name) {
			continue
		}
		passed = passed.Clone()
		header.DeleteFolded(passed, name)
	}
	return passed
}

// routedHeader returns the headers that a handler gets of a request for which the
// guest decided set: names and values.
func (h *Host) routedHeader(q *Request, set []string) http.Header {
	fields := h.ApplicationHeader(q)
	if len(set) == 0 {
		return fields
	}
	fields = fields.Clone()
	setFields(fields, set)
	return fields
}

// UpstreamHeader is [Host.Forward] for servers that are not net/http: it returns
// the Host and the headers to send to an application for q, on which the guest
// decided d. These are those of ApplicationHeader without the fields for one hop
// (RFC 9110, 7.6.1), the forwarding headers, and those of Config.Upstream and the
// guest. The caller owns them.
func (h *Host) UpstreamHeader(q *Request, d *Decision, inner bool) (host string, fields http.Header) {
	fields = make(http.Header, len(q.Header))
	for name, values := range h.ApplicationHeader(q) {
		fields[name] = append([]string(nil), values...)
	}
	header.RemoveHopByHop(fields)
	hop := trust.Hop{Host: q.Host, Scheme: q.Scheme, RemoteAddr: q.RemoteAddr, Trusted: q.TrustedPeer}
	if d.Outcome != abi.Tenant {
		return h.forward(fields, hop, nil, nil, inner), fields
	}
	return h.forward(fields, hop, &d.Tenant, d.Headers, inner), fields
}

// forward sets the headers of a request to an application and returns its Host. t
// is nil without a tenant; set are the names and values that the guest sets.
func (h *Host) forward(out http.Header, in trust.Hop, t *tenant.Tenant, set []string, inner bool) string {
	h.trust.SetForwarded(out, in)
	if inner && t != nil && t.Routing.Folder != "" {
		trust.SetForwardedPrefix(out, t.Routing.Folder)
	}
	h.setDecision(out, t, set)
	return h.trust.HostFor(in.Host)
}

// setDecision sets the headers that carry the decision, or removes them if t is
// nil.
func (h *Host) setDecision(out http.Header, t *tenant.Tenant, set []string) {
	h.trust.DeleteClaims(out)
	for _, name := range h.guestHeaders() {
		header.DeleteFolded(out, name)
	}
	if t == nil {
		return
	}
	h.config.Upstream.Set(out, t)
	setFields(out, set)
}

// setFields sets the fields of set, names and values, in place of all spellings.
func setFields(out http.Header, set []string) {
	for i := 0; i+1 < len(set); i += 2 {
		header.DeleteFolded(out, set[i])
		out.Set(set[i], set[i+1])
	}
}

// guestHeaders returns the headers that the guest declares it may set.
func (h *Host) guestHeaders() []string { return h.guests.SetHeaders() }
