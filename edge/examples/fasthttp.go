package examples

import (
	"fmt"
	"strings"

	"github.com/valyala/fasthttp"

	"github.com/tenantedge/tenantedge/edge"
	"github.com/tenantedge/tenantedge/guest/abi"
)

// FastHTTP returns a handler for fasthttp that routes each request.
func FastHTTP(host *edge.Host) fasthttp.RequestHandler {
	return func(ctx *fasthttp.RequestCtx) {
		d, err := host.Route(ctx, &edge.Request{
			Method: string(ctx.Method()), Scheme: string(ctx.URI().Scheme()), Host: string(ctx.Host()), Target: string(ctx.RequestURI()),
		})
		switch {
		case err != nil:
			ctx.Error("bad gateway", fasthttp.StatusBadGateway)
		case d.Outcome == abi.Tenant:
			name := strings.TrimPrefix(d.Tenant.Path, "/hello/")
			fmt.Fprintf(ctx, "%s greets %s", d.Tenant.Schema, name)
		case d.Outcome == abi.Redirect:
			ctx.Response.Header.Set("Location", d.Location)
			ctx.SetStatusCode(d.Status)
		default:
			ctx.Error(fasthttp.StatusMessage(d.Status), d.Status)
		}
	}
}
