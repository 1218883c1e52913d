// Command rateclass is a guest that routes like the default guest, and tells the
// upstream in X-Rate-Class how much the tenant may use, so that a limiter there
// needs no table of tenants.
//
//	directory: {source: postgres, attributes: [plan]}
//	guest:
//	  path: rateclass.wasm
//	  settings:
//	    classes: {free: low, gold: high} # by the tenant's attribute plan
//	    default: low                     # for all other tenants
//
// A client cannot choose its class: the host removes X-Rate-Class from its requests,
// in any spelling. It gets the class of another tenant only with the domain, header
// or session of that tenant.
//
//	GOOS=wasip1 GOARCH=wasm go build -buildmode=c-shared -o rateclass.wasm ./guest/examples/rateclass
package main

import (
	"errors"

	"github.com/tenantedge/tenantedge/guest"
	"github.com/tenantedge/tenantedge/guest/abi"
	"github.com/tenantedge/tenantedge/guest/jsonread"
)

func init() { guest.Serve(guest.Handlers{Configure: configure, Route: route}) }

func main() {}

const classHeader = "X-Rate-Class"

var (
	byDefault guest.Default
	classes   map[string]string
	fallback  string
)

func configure(c *abi.Config) (abi.Configured, error) {
	classes, fallback = nil, ""
	if err := guest.Settings(c, jsonread.Members{"classes": &classes, "default": &fallback}); err != nil {
		return abi.Configured{}, err
	}
	if fallback == "" {
		return abi.Configured{}, errors.New("settings: default is missing: expected the class of tenants without a plan")
	}
	return byDefault.Configure(c, abi.Configured{Name: "rateclass", SetHeaders: []string{classHeader}})
}

func route(r *guest.Request, d *guest.Decision) {
	byDefault.Route(r, d)
	if d.Outcome != abi.Tenant {
		return
	}
	plan, _ := byDefault.Attribute(d, "plan")
	class, ok := classes[plan]
	if !ok {
		class = fallback
	}
	d.Headers = append(d.Headers, classHeader, class)
}
