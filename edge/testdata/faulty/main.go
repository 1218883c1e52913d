// Command faulty is the default guest with planted faults: it takes the host
// t500.example.com for a domain of the next tenant, needs ten times the fuel for
// /costly, and crashes on /trap.
package main

import (
	"github.com/tenantedge/tenantedge/guest"
	"github.com/tenantedge/tenantedge/guest/abi"
)

var (
	byDefault guest.Default
	spent     uint32
)

func init() {
	guest.Serve(guest.Handlers{
		Configure: func(c *abi.Config) (abi.Configured, error) {
			return byDefault.Configure(c, abi.Configured{Name: "faulty"})
		},
		Route: route,
	})
}

func main() {}

func route(r *guest.Request, d *guest.Decision) {
	switch r.Target {
	case "/trap":
		panic("a planted fault")
	case "/costly":
		for n := range uint32(100_000) {
			spent = spent*31 + n
		}
	}
	if r.Host == "t500.example.com" {
		r.Host = "t501.example.com"
	}
	byDefault.Route(r, d)
}
