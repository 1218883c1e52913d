// Command querying is a guest that queries the database for the urlconf of each
// request.
package main

import (
	"strings"

	"github.com/tenantedge/tenantedge/guest"
	"github.com/tenantedge/tenantedge/guest/abi"
	"github.com/tenantedge/tenantedge/guest/query"
	"github.com/tenantedge/tenantedge/guest/tenancy"
)

func init() { guest.Serve(guest.Handlers{Route: route}) }

func main() {}

func route(r *guest.Request, d *guest.Decision) {
	name, _, _ := strings.Cut(r.Host, ".")
	row, err := guest.TenantByReference(name)
	if err != nil {
		d.Refuse(abi.Missing, err.Error())
		return
	}
	var found []struct {
		Schema string `json:"schema"`
	}
	if err := query.Rows(row.Schema, "where", nil, &found); err != nil {
		d.Refuse(abi.Conflict, "the query fails: "+err.Error())
		return
	}
	d.Serve(&row, tenancy.ByDomain, r.Host)
	d.URLConf = "urlconf-of-" + found[0].Schema
}
