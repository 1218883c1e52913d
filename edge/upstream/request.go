package upstream

import (
	"cmp"
	"net/http"
	"net/url"

	"github.com/tenantedge/tenantedge/edge/internal/header"
	"github.com/tenantedge/tenantedge/edge/internal/requestid"
	"github.com/tenantedge/tenantedge/edge/tenant"
	"github.com/tenantedge/tenantedge/edge/trace"
)

// Target is an application and the form in which it gets requests.
type Target struct {
	URL     *url.URL // scheme http, https, ws or wss; optionally with a path
	Inner   bool     // the application gets the path without the tenant's folder
	OwnHost bool     // the application gets the Host of URL, not the client's
	// Tracer sets the fields that carry the request's trace; nil: the client's pass.
	Tracer trace.Tracer
}

// Request returns the request that the application gets for the incoming request
// in, which the Middleware of h has routed: its URL, Host and headers, without
// method, body and context. Package edge/websocket uses it for its handshakes.
func (t *Target) Request(h Host, in *http.Request) *http.Request {
	out := &http.Request{Header: in.Header.Clone()}
	header.RemoveHopByHop(out.Header)
	t.prepare(h, in, out)
	return out
}

// prepare sets the URL, the Host and the headers of out, whose headers are those
// of in without hop-by-hop fields. The id of the request is in X-Request-Id.
func (t *Target) prepare(h Host, in, out *http.Request) {
	inner, path := false, ""
	if t.Inner {
		if routed, ok := tenant.From(in.Context()); ok && routed.Routing.Folder != "" {
			inner, path = true, routed.Path
		}
	}
	out.URL = targetURL(t.URL, cmp.Or(in.RequestURI, in.URL.RequestURI()), inner, path)
	h.Forward(in, out, inner)
	if t.OwnHost {
		out.Host = out.URL.Host
	}
	if id := requestid.Of(in.Context()); id != "" {
		for name := range out.Header {
			if header.EqualFold(name, "x-request-id") { // the client's, in any spelling
				delete(out.Header, name)
			}
		}
		out.Header[requestid.Header] = []string{id}
	}
	if t.Tracer != nil {
		t.Tracer.Propagate(in.Context(), out.Header)
	}
}
