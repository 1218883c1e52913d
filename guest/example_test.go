package guest_test

import (
	"strings"

	"github.com/tenantedge/tenantedge/guest"
	"github.com/tenantedge/tenantedge/guest/tenancy"
)

// A guest calls Serve in an init function.
func ExampleServe() {
	guest.Serve(guest.Handlers{Route: func(r *guest.Request, d *guest.Decision) {
		name, _, _ := strings.Cut(r.Host, ".")
		if row, err := guest.TenantByReference(name); err == nil {
			d.Serve(&row, tenancy.ByDomain, r.Host)
		}
	}})
}
