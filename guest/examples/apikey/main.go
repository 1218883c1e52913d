// Command apikey is a guest that finds the tenant by the API key of a request. It
// looks the key up in the schema public, in a table of digests. It sends the
// tenant's plan, a column of the tenant's row, to the upstream.
//
//	directory: {source: postgres, attributes: [plan]}
//	queries:
//	  tenant_of_key:
//	    schema: public
//	    sql: select schema_name from api_key where digest = sha256(convert_to($1, 'UTF8'))
//
//	GOOS=wasip1 GOARCH=wasm go build -buildmode=c-shared -o apikey.wasm ./guest/examples/apikey
package main

import (
	"strings"

	"github.com/tenantedge/tenantedge/guest"
	"github.com/tenantedge/tenantedge/guest/abi"
	"github.com/tenantedge/tenantedge/guest/query"
	"github.com/tenantedge/tenantedge/guest/tenancy"
)

func init() { guest.Serve(guest.Handlers{Configure: configure, Route: route}) }

func main() {}

const planHeader = "X-Tenant-Plan"

func configure(*abi.Config) (abi.Configured, error) {
	return abi.Configured{Name: "apikey", Headers: []string{"X-Api-Key"}, SetHeaders: []string{planHeader}}, nil
}

func route(r *guest.Request, d *guest.Decision) {
	key := r.Headers[0]
	if !key.Present {
		d.Refuse(abi.Missing, "the request has no X-Api-Key")
		return
	}
	var found []struct {
		Schema string `json:"schema_name"`
	}
	if err := query.PublicRows("tenant_of_key", []any{key.Value}, &found); err != nil {
		panic("looking up an API key: " + err.Error()) // answers 502 instead of 404
	}
	if len(found) != 1 {
		d.Refuse(abi.Missing, "no tenant has this API key")
		return
	}
	row, err := guest.TenantByReference(found[0].Schema)
	if err != nil {
		d.Refuse(abi.Missing, "the tenant of the API key is not in the directory")
		return
	}
	d.Serve(&row, tenancy.ByHeader, found[0].Schema)
	d.Path, _, _ = strings.Cut(r.Target, "?")
	if plan, ok := row.Attribute("plan"); ok {
		d.Headers = append(d.Headers, planHeader, plan)
	}
}
