package examples

import (
	"net/http"
	"strings"

	"github.com/valyala/fasthttp"

	"github.com/tenantedge/tenantedge/edge"
	"github.com/tenantedge/tenantedge/edge/tenant"
	"github.com/tenantedge/tenantedge/guest/abi"
)

// FastHTTP returns a handler for fasthttp that routes each request and calls next
// for those that have a tenant. next gets the tenant from [tenant.From], and only
// the headers that the client may set.
func FastHTTP(host *edge.Host, next fasthttp.RequestHandler) fasthttp.RequestHandler {
	return func(ctx *fasthttp.RequestCtx) {
		r, err := host.RequestFrom(ctx, incomingFastHTTP(ctx))
		var d edge.Decision
		if err == nil {
			d, err = host.Route(ctx, &r)
		}
		switch {
		case err != nil:
			refuseFastHTTP(ctx, edge.AsRouteError(err).Status)
		case d.Outcome == abi.Redirect:
			ctx.Response.Header.Set("Location", d.Location)
			ctx.SetStatusCode(d.Status)
		case d.Outcome != abi.Tenant:
			refuseFastHTTP(ctx, d.Status)
		case r.Websocket: // next would have to check its Origin
			refuseFastHTTP(ctx, http.StatusNotImplemented)
		default:
			setFastHTTPHeader(ctx, r.Host, host.ApplicationHeader(&r))
			ctx.SetUserValue(tenant.Key{}, &d.Tenant)
			next(ctx)
		}
	}
}

// incomingFastHTTP copies a request as it was sent, since fasthttp reuses its
// memory. ctx.Host and ctx.Path are not what was sent.
func incomingFastHTTP(ctx *fasthttp.RequestCtx) *edge.Incoming {
	h := &ctx.Request.Header
	in := &edge.Incoming{
		Method: string(h.Method()), Target: string(h.RequestURI()), Header: http.Header{}, RemoteAddr: ctx.RemoteAddr().String(),
		TLS: ctx.IsTLS(), ProtoMajor: 1, ContentLength: -1,
	}
	if h.IsHTTP11() {
		in.ProtoMinor = 1
	}
	if state := ctx.TLSConnectionState(); state != nil {
		in.ServerName = state.ServerName
	}
	var hosts []string
	for name, value := range h.AllInOrder() {
		if name := string(name); strings.EqualFold(name, "Host") {
			hosts = append(hosts, string(value))
		} else {
			in.Header[name] = append(in.Header[name], string(value))
		}
	}
	in.Host = strings.Join(hosts, "\n")
	return in
}

// setFastHTTPHeader replaces the Host and the headers of the request, and removes
// its trailer, which fasthttp reads like headers.
func setFastHTTPHeader(ctx *fasthttp.RequestCtx, host string, fields http.Header) {
	old := &ctx.Request.Header
	var h fasthttp.RequestHeader
	h.SetMethodBytes(old.Method())
	h.SetRequestURIBytes(old.RequestURI())
	h.SetProtocolBytes(old.Protocol())
	h.SetHost(host)
	for name, values := range fields {
		for _, value := range values {
			h.Add(name, value)
		}
	}
	h.CopyTo(old)
}

// refuseFastHTTP responds with a status. After 400 and 421 it closes the connection,
// since client and server may disagree about where requests begin or whose they are.
func refuseFastHTTP(ctx *fasthttp.RequestCtx, status int) {
	ctx.Error(fasthttp.StatusMessage(status), status)
	if status == http.StatusBadRequest || status == http.StatusMisdirectedRequest {
		ctx.SetConnectionClose()
	}
}
