package tenantedge

import (
	"context"
	"maps"
	"net/http"
	"net/url"
	"strings"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/modules/caddyhttp"

	"github.com/tenantedge/tenantedge/edge"
	"github.com/tenantedge/tenantedge/edge/internal/trust"
	"github.com/tenantedge/tenantedge/edge/tenant"
)

// routing is what a Handler has decided on a request. It is in Caddy's variables of
// the request, since routes for errors get these too.
type routing struct {
	handler *Handler
	request *http.Request // Caddy's, which all its handlers change
	next    caddyhttp.Handler
	err     error // of next, or a refusal

	context  context.Context // of the request before it was routed
	original http.Header     // the client's, before they were changed; nil: they were not

	tenant *tenant.Tenant // nil: none
	inner  *url.URL       // of the request, without the tenant's folder
}

// routingVar is the name of the variable.
const routingVar = "tenantedge"

// routingOf returns the routing of a request, nil if no Handler has seen it.
func routingOf(ctx context.Context) *routing {
	vars, _ := ctx.Value(caddyhttp.VarsCtxKey).(map[string]any)
	s, _ := vars[routingVar].(*routing)
	return s
}

// newRouting begins to route a request. A request that another Handler has routed
// becomes as it was before.
func newRouting(h *Handler, r *http.Request, next caddyhttp.Handler) *routing {
	s := routingOf(r.Context())
	if s == nil {
		s = &routing{context: r.Context()}
		caddyhttp.SetVar(r.Context(), routingVar, s)
		if repl, ok := r.Context().Value(caddy.ReplacerCtxKey).(*caddy.Replacer); ok {
			repl.Map(s.placeholder)
		}
	} else {
		if s.original != nil {
			clear(r.Header)
			maps.Copy(r.Header, s.original)
		}
		*r = *r.WithContext(s.context)
	}
	*s = routing{handler: h, request: r, next: next, context: s.context}
	return s
}

// trustOf returns how far Caddy trusts the peer of a request.
func trustOf(ctx context.Context) edge.Trust {
	vars, _ := ctx.Value(caddyhttp.VarsCtxKey).(map[string]any)
	if trusted, _ := vars[caddyhttp.TrustedProxyVarKey].(bool); !trusted {
		return edge.Untrusted
	}
	if s, _ := vars[routingVar].(*routing); s != nil && s.handler.TrustTenantHeader {
		return edge.TrustAll
	}
	return edge.TrustForwarding
}

// noted is serve.Options.Within: it keeps the tenant of a request that the Server
// serves, for placeholders.
func noted(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if s := routingOf(r.Context()); s != nil {
			s.tenant, _ = tenant.From(r.Context())
		}
		next.ServeHTTP(w, r)
	})
}

// apply changes Caddy's request to routed, the one that the Host has routed: Caddy's
// handlers change requests in place, and its placeholders read the one that the
// server made. It keeps the URL, unless the handler removes the folder.
func (s *routing) apply(routed *http.Request) {
	r, host := s.request, s.handler.edge.server.Host()
	s.tenant, _ = tenant.From(routed.Context())
	s.inner = routed.URL
	s.original = maps.Clone(r.Header)
	replaceHeader(r.Header, routed.Header)
	delete(r.Header, "Forwarded") // Caddy does not extend it; it would contradict X-Forwarded-For
	out := *routed
	out.Host = host.SetDecision(routed, r.Header)
	out.Header, out.URL = r.Header, r.URL
	out.Trailer = nil // some application servers read its fields as headers
	if s.handler.StripFolder && s.tenant != nil && s.tenant.Routing.Folder != "" {
		*out.URL = *routed.URL
		out.RequestURI = out.URL.RequestURI()
		trust.SetForwardedPrefix(r.Header, s.tenant.Routing.Folder)
	}
	*r = out
}

// refuse handles a refusal, and reports whether the handler leaves it to the routes
// for errors. It removes what clients may not claim: those routes may proxy the
// request.
func (s *routing) refuse(e *edge.RouteError) bool {
	s.tenant, s.inner = nil, nil
	r, host := s.request, s.handler.edge.server.Host()
	*r = *r.WithContext(s.context)
	if s.original == nil {
		s.original = maps.Clone(r.Header)
	}
	replaceHeader(r.Header, host.ApplicationHeader(&edge.Request{Header: maps.Clone(r.Header), TrustedPeer: trustOf(r.Context()) != edge.Untrusted}))
	host.SetDecision(r, r.Header)
	r.Trailer = nil
	if !s.handler.LeaveErrors {
		return false
	}
	failure := caddyhttp.Error(e.Status, e)
	if e.RequestID != "" {
		failure.ID = e.RequestID
	}
	s.err = failure
	return true
}

// replaceHeader makes header equal to by. Copies of the request share header.
func replaceHeader(header, by http.Header) {
	maps.DeleteFunc(header, func(name string, _ []string) bool { _, ok := by[name]; return !ok })
	maps.Copy(header, by)
}

// placeholder returns the value of a placeholder {http.tenantedge.…}. Without a
// tenant they are empty.
func (s *routing) placeholder(key string) (any, bool) {
	name, ok := strings.CutPrefix(key, "http.tenantedge.")
	if !ok {
		return nil, false
	}
	t := s.tenant
	if t == nil {
		t = new(tenant.Tenant)
	}
	if attribute, ok := strings.CutPrefix(name, "attr."); ok {
		value, _ := t.Attributes.Get(attribute)
		return value, true
	}
	value, ok := field(t, name)
	return value, ok
}

// field returns a field of a tenant by the name that placeholders and matchers have
// for it.
func field(t *tenant.Tenant, name string) (value string, ok bool) {
	switch name {
	case "schema":
		return t.Schema, true
	case "id":
		return t.ID, true
	case "routing":
		return string(t.Routing.Router), true
	case "domain":
		return t.Routing.Domain, true
	case "folder":
		return t.Routing.Folder, true
	case "path":
		return t.Path, true
	case "urlconf":
		return t.URLConf, true
	case "identifier":
		return t.Identifier, true
	case "cache_prefix":
		return t.CachePrefix, true
	}
	return "", false
}
