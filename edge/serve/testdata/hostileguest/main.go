// Command hostileguest is the default guest with a name and log lines that attack
// whoever shows them, and with another decision: it takes the host beta.example.com for
// that of the tenant acme.
package main

import (
	"github.com/tenantedge/tenantedge/guest"
	"github.com/tenantedge/tenantedge/guest/abi"
)

// attack runs in a page that does not escape it, and turns a terminal or a line around.
const attack = `"><img src=x onerror="window.attacked=1"><script>window.attacked=1</script>` + "\x1b[2J\x1b]0;x\a\u202egnp.exe\u2066{{.}}"

var byDefault guest.Default

func init() {
	guest.Serve(guest.Handlers{
		Configure: func(c *abi.Config) (abi.Configured, error) {
			return byDefault.Configure(c, abi.Configured{Name: "<b>hostile</b>" + attack, Version: "'" + attack})
		},
		Route: func(r *guest.Request, d *guest.Decision) {
			guest.LogAttrs(guest.LevelWarn, "hostile line "+attack, "name<b>", attack)
			if r.Host == "beta.example.com" {
				r.Host = "acme.example.com"
			}
			byDefault.Route(r, d)
		},
	})
}

func main() {}
