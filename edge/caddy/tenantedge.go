// Package tenantedge has Caddy modules that route the requests of tenants. Import
// it into a program that runs Caddy, or build one with `make caddy`:
//
//	import (
//		caddycmd "github.com/caddyserver/caddy/v2/cmd"
//		_ "github.com/caddyserver/caddy/v2/modules/standard"
//		_ "github.com/tenantedge/tenantedge/edge/caddy"
//	)
//
//	func main() { caddycmd.Main() }
//
// [App] runs the edges, [Handler] routes requests with one of them. README.md has
// the directives of the Caddyfile, RATIONALE.md the reasons.
package tenantedge

import (
	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/caddyconfig/httpcaddyfile"

	"github.com/tenantedge/tenantedge/edge"
	"github.com/tenantedge/tenantedge/edge/smoke"
)

// Caddy's modules are registered by init. A child process that tries a guest ends
// here: programs that xcaddy builds have a main function of Caddy.
func init() {
	smoke.Main(edge.Try)
	for _, m := range []caddy.Module{
		new(App), new(Handler), new(Matcher), new(Upstreams), new(Files), new(Websocket), new(Permission), new(adminAPI),
	} {
		caddy.RegisterModule(m)
	}
	httpcaddyfile.RegisterGlobalOption("tenantedge", parseApp)
	httpcaddyfile.RegisterHandlerDirective("tenantedge", parseHandler)
	httpcaddyfile.RegisterHandlerDirective("tenantedge_serve", parseServe)
	httpcaddyfile.RegisterHandlerDirective("tenantedge_files", parseFiles)
	httpcaddyfile.RegisterHandlerDirective("tenantedge_websocket", parseWebsocket)
	// Headers are cleaned before any directive reads or sets them.
	httpcaddyfile.RegisterDirectiveOrder("tenantedge", httpcaddyfile.Before, "map")
	httpcaddyfile.RegisterDirectiveOrder("tenantedge_websocket", httpcaddyfile.Before, "respond")
	httpcaddyfile.RegisterDirectiveOrder("tenantedge_files", httpcaddyfile.Before, "respond")
	httpcaddyfile.RegisterDirectiveOrder("tenantedge_serve", httpcaddyfile.Before, "reverse_proxy")
}
