package edge

import (
	"context"
	"net/http"

	"github.com/tenantedge/tenantedge/edge/internal/header"
	"github.com/tenantedge/tenantedge/edge/internal/trust"
	"github.com/tenantedge/tenantedge/edge/tenant"
)

// Forward sets the Host and the headers of out, the request that a proxy sends to
// an application for the incoming request in, which Middleware has routed: the
// forwarding headers (X-Forwarded-For, -Host, -Proto), and those of
// Config.Upstream and the guest. inner says that the proxy has removed the
// tenant's folder from the path; X-Forwarded-Prefix then has it. Package
// edge/upstream has a proxy that calls this.
//
// What the client sent under these names is replaced or removed, in every
// spelling, except that the forwarding headers of a trusted peer are kept and
// extended.
func (h *Host) Forward(in, out *http.Request, inner bool) {
	out.Host = h.trust.HostFor(in)
	h.trust.SetForwarded(in, out.Header)
	if t, ok := tenant.From(in.Context()); inner && ok && t.Routing.Folder != "" {
		trust.SetForwardedPrefix(out.Header, t.Routing.Folder)
	}
	h.setUpstreamHeaders(in.Context(), out.Header)
}

// setUpstreamHeaders sets the headers that carry the decision for the request of
// ctx. Without a tenant they are removed.
func (h *Host) setUpstreamHeaders(ctx context.Context, out http.Header) {
	h.trust.DeleteClaims(out)
	for _, name := range h.guestHeaders() {
		header.DeleteFolded(out, name)
	}
	t, ok := tenant.From(ctx)
	if !ok {
		return
	}
	h.config.Upstream.Set(out, t)
	c, _ := ctx.Value(routedKey{}).(*routedContext)
	if c == nil || t != &c.decision.Tenant {
		return // of a tenant.NewContext, which has no decision
	}
	for i := 0; i+1 < len(c.decision.Headers); i += 2 {
		header.DeleteFolded(out, c.decision.Headers[i])
		out.Set(c.decision.Headers[i], c.decision.Headers[i+1])
	}
}

// guestHeaders returns the headers that the guest declares it may set.
func (h *Host) guestHeaders() []string { return h.guests.Current().Configured().SetHeaders }
