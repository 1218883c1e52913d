// Command guest is the guest of the tests: it finds tenants by a query, authorizes
// those that another query names, echoes websockets, and reports the time.
package main

import (
	"strconv"

	"github.com/tenantedge/tenantedge/guest"
	"github.com/tenantedge/tenantedge/guest/abi"
	"github.com/tenantedge/tenantedge/guest/query"
	"github.com/tenantedge/tenantedge/guest/tenancy"
)

func init() {
	guest.Serve(guest.Handlers{Configure: configure, Route: route, Authorize: authorize, Consumer: guest.Consume(echo{})})
}

func main() {}

func configure(*abi.Config) (abi.Configured, error) {
	return abi.Configured{Headers: []string{"X-Api-Key"}, AuthorizeHeaders: []string{"Cookie"}, SetHeaders: []string{"X-Plan"}}, nil
}

func route(r *guest.Request, d *guest.Decision) {
	key := r.Headers[0]
	if !key.Present {
		d.Refuse(abi.Missing, "no key at "+strconv.FormatInt(guest.Now()/1e9, 10))
		return
	}
	found, err := query.PublicRows("tenant_of_key", key.Value)
	if err != nil {
		panic("looking up a key: " + err.Error())
	}
	if len(found) != 1 {
		d.Refuse(abi.Missing, "no tenant has this key")
		return
	}
	schema, _ := found[0].Text("schema")
	row, err := guest.TenantByReference(schema)
	if err != nil {
		panic(err.Error())
	}
	d.Serve(&row, tenancy.ByHeader, schema)
	d.Path = "/"
	d.Headers = append(d.Headers, "X-Plan", "gold")
}

func authorize(a *guest.Access) guest.Verdict {
	cookies, _ := a.Header("Cookie")
	rows, err := query.Rows(a.Schema, "member", cookies)
	if err != nil || len(rows) == 0 {
		return guest.Deny
	}
	verdict, _ := rows[0].Integer("verdict")
	return guest.Verdict(verdict)
}

type echo struct{ guest.NopConsumer }

func (echo) Message(s *guest.Socket, m guest.Message) { s.Send(m) }
