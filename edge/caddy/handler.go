package tenantedge

import (
	"net/http"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/modules/caddyhttp"
)

// Handler routes requests: the guest of an edge decides the tenant, whose properties
// are then in the placeholders {http.tenantedge.schema}, id, routing, domain, folder,
// path, urlconf, identifier, cache_prefix, and attr.NAME for an attribute of the
// tenant's row. It sets the request headers of upstream_headers, and removes, in
// every spelling, what the client sent under these names and the forwarding headers
// that a peer may not send. It answers redirects, and requests that have no tenant.
//
// Peers in Caddy's trusted_proxies are trusted with forwarding headers.
//
// Its handlers pass websocket handshakes on like other requests, after they checked
// the Origin. `tenantedge_websocket` serves them with the websocket routes of the
// configuration.
type Handler struct {
	// The edge that routes. Default: the only one.
	Edge string `json:"edge,omitempty"`
	// Serves the requests with the urlconfs of the configuration, by proxies that
	// never reuse a connection for another tenant. Otherwise the next handler serves
	// them.
	Serve bool `json:"serve,omitempty"`
	// Leaves requests that have no tenant, are malformed or failed to the routes for
	// errors (handle_errors) instead of answering them. {http.error.message} is then
	// the reason, which clients must not see.
	LeaveErrors bool `json:"leave_errors,omitempty"`
	// Removes the tenant's folder from the URL, and appends it to X-Forwarded-Prefix.
	// Otherwise the URL stays as the client sent it, which Django expects.
	StripFolder bool `json:"strip_folder,omitempty"`
	// Trusts peers in trusted_proxies with the tenant header, too. Only if each of
	// them removes that header from the requests of its clients: content delivery
	// networks do not.
	TrustTenantHeader bool `json:"trust_tenant_header,omitempty"`

	edge   *running
	routes http.Handler
}

// CaddyModule returns the Caddy module information.
func (*Handler) CaddyModule() caddy.ModuleInfo {
	return caddy.ModuleInfo{ID: "http.handlers.tenantedge", New: func() caddy.Module { return new(Handler) }}
}

// Provision finds the edge.
func (h *Handler) Provision(ctx caddy.Context) (err error) {
	if h.edge, err = edgeOf(ctx, h.Edge); err != nil {
		return err
	}
	if h.routes = h.edge.server; !h.Serve {
		h.routes = h.edge.server.Host().Middleware(http.HandlerFunc(passOn))
	}
	return nil
}

// ServeHTTP implements caddyhttp.MiddlewareHandler.
func (h *Handler) ServeHTTP(w http.ResponseWriter, r *http.Request, next caddyhttp.Handler) error {
	h.edge.active.Add(1)
	defer h.edge.active.Add(-1)
	if r.ContentLength == 0 {
		// Caddy wraps empty bodies too. A body that is not read to its end makes the
		// server close the connection.
		r.Body = http.NoBody
	}
	s := newRouting(h, r, next)
	h.routes.ServeHTTP(w, r)
	return s.err
}

// passOn passes a request that the Host has routed to Caddy's next handler.
func passOn(w http.ResponseWriter, routed *http.Request) {
	s := routingOf(routed.Context())
	s.apply(routed)
	s.err = s.next.ServeHTTP(w, s.request)
}

var (
	_ caddy.Provisioner           = (*Handler)(nil)
	_ caddyhttp.MiddlewareHandler = (*Handler)(nil)
)
