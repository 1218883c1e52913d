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
	classes, fallback = map[string]string{}, ""
	err := jsonread.Object(c.Settings, func(r *jsonread.Reader, key string) {
		switch key {
		case "classes":
			r.Object(func(plan string) {
				var class string
				r.Text(&class)
				classes[plan] = class
			})
		case "default":
			r.Text(&fallback)
		default:
			r.Fail("classes or default, found " + key)
		}
	})
	if err == nil && fallback == "" {
		err = errors.New("default is missing: expected the class of tenants without a plan")
	}
	if err != nil {
		return abi.Configured{}, errors.New("settings: " + err.Error())
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
