// Command caddy is Caddy with its standard modules and those of tenantedge. It takes
// the arguments of Caddy:
//
//	caddy run --config Caddyfile
package main

import (
	caddycmd "github.com/caddyserver/caddy/v2/cmd"
	_ "github.com/caddyserver/caddy/v2/modules/standard"

	_ "github.com/tenantedge/tenantedge/edge/caddy"
)

func main() { caddycmd.Main() }
