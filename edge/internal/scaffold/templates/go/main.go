// A guest: it decides which tenant a request is for.
package main

import (
	"strings"

	"github.com/tenantedge/tenantedge/guest"
	"github.com/tenantedge/tenantedge/guest/abi"
	"github.com/tenantedge/tenantedge/guest/tenancy"
)

// The host runs init functions, not main. A handler that is not set does what the
// built-in guest does.
func init() { guest.Serve(guest.Handlers{Configure: configure, Route: route}) }

func main() {}

// configure names the guest in logs and reports.
func configure(*abi.Config) (abi.Configured, error) {
	return abi.Configured{Name: "first label", Version: "1"}, nil
}

// route finds the tenant by the first label of the host: acme.example.com is for
// the tenant acme. Requests for other hosts are refused with 404.
func route(r *guest.Request, d *guest.Decision) {
	label, _, _ := strings.Cut(r.Host, ".")
	tenant, err := guest.TenantByReference(label)
	if err != nil {
		d.Refuse(abi.Missing, "no tenant is named "+label)
		return
	}
	d.Serve(&tenant, tenancy.ByDomain, r.Host)
}
