package tenantedge

import (
	"net/http"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/modules/caddyhttp"
)

// Websocket serves the websockets of the tenant that a `tenantedge` handler before it
// has found, with the websocket routes of the configuration (ws_urlconfs): it relays
// them to an application, or passes their messages to the guest. Reloads do not close
// them unless the configuration of the edge has changed. All other requests go on to
// the next handler; without websocket routes, so do handshakes.
type Websocket struct{}

// CaddyModule returns the Caddy module information.
func (*Websocket) CaddyModule() caddy.ModuleInfo {
	return caddy.ModuleInfo{ID: "http.handlers.tenantedge_websocket", New: func() caddy.Module { return new(Websocket) }}
}

// ServeHTTP implements caddyhttp.MiddlewareHandler.
func (*Websocket) ServeHTTP(w http.ResponseWriter, r *http.Request, next caddyhttp.Handler) error {
	s := routingOf(r.Context())
	if s == nil || !s.handler.edge.server.Host().ServeWebsocket(w, r) {
		return next.ServeHTTP(w, r)
	}
	return s.err // a refused handshake
}

var _ caddyhttp.MiddlewareHandler = (*Websocket)(nil)
