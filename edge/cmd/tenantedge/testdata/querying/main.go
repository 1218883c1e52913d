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
	found, err := query.Rows(row.Schema, "where")
	if err != nil {
		d.Refuse(abi.Conflict, "the query fails: "+err.Error())
		return
	}
	d.Serve(&row, tenancy.ByDomain, r.Host)
	schema, _ := found[0].Text("schema")
	d.URLConf = "urlconf-of-" + schema
}
