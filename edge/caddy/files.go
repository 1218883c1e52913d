package tenantedge

import (
	"net/http"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/modules/caddyhttp"
)

// Files serves the files of the tenant that a `tenantedge` handler before it has
// found, and lets clients change them, as the urlconf of the tenant says in the
// configuration: its keys media, access (public, private, signed) and uploads, and the
// section media. All other requests go on to the next handler.
//
// It looks up the path that was routed: a rewrite after that has no effect.
type Files struct{}

// CaddyModule returns the Caddy module information.
func (*Files) CaddyModule() caddy.ModuleInfo {
	return caddy.ModuleInfo{ID: "http.handlers.tenantedge_files", New: func() caddy.Module { return new(Files) }}
}

// ServeHTTP implements caddyhttp.MiddlewareHandler.
func (*Files) ServeHTTP(w http.ResponseWriter, r *http.Request, next caddyhttp.Handler) error {
	if s := routingOf(r.Context()); s != nil && s.tenant != nil {
		inner := *r
		inner.URL = s.inner
		if s.handler.edge.server.ServeFile(w, &inner) {
			return nil
		}
	}
	return next.ServeHTTP(w, r)
}

var _ caddyhttp.MiddlewareHandler = (*Files)(nil)
