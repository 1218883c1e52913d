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
	"github.com/tenantedge/tenantedge/guest"
	"github.com/tenantedge/tenantedge/guest/abi"
	"github.com/tenantedge/tenantedge/guest/query"
)

func init() { guest.Serve(guest.Handlers{Configure: configure, Route: route}) }

func main() {}

const (
	keyHeader  = "X-Api-Key"
	planHeader = "X-Tenant-Plan"
)

var byDefault guest.Default

func configure(c *abi.Config) (abi.Configured, error) {
	return byDefault.ConfigureNamed(c, abi.Configured{Name: "apikey", Headers: []string{keyHeader}, SetHeaders: []string{keyHeader, planHeader}})
}

func route(r *guest.Request, d *guest.Decision) {
	key := byDefault.Headers(r)[0]
	if !key.Present {
		d.Refuse(abi.Missing, "the request has no X-Api-Key")
		return
	}
	found, err := query.PublicRows("tenant_of_key", key.Value)
	if err != nil {
		panic("looking up an API key: " + err.Error()) // answers 502 instead of 404
	}
	if len(found) != 1 {
		d.Refuse(abi.Missing, "no tenant has this API key")
		return
	}
	schema, _ := found[0].Text("schema_name")
	byDefault.RouteNamed(r, d, schema)
	if plan, ok := byDefault.Attribute(d, "plan"); ok {
		d.Headers = append(d.Headers, planHeader, plan)
	}
}
