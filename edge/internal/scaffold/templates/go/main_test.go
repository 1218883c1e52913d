package main

import (
	"testing"

	"github.com/tenantedge/tenantedge/guest"
	"github.com/tenantedge/tenantedge/guest/abi"
	"github.com/tenantedge/tenantedge/guest/guesttest"
	"github.com/tenantedge/tenantedge/guest/tck"
)

// The test runs the guest natively, without WebAssembly.
func TestRoute(t *testing.T) {
	host := &tck.World{Tenants: []tck.Tenant{{ID: "1", Schema: "acme"}}}
	guesttest.Configure(t, host, `{"default": {}}`)
	for _, c := range []struct {
		host    string
		outcome abi.Outcome
		schema  string
	}{
		{"acme.localhost:8080", abi.Tenant, "acme"},
		{"unknown.localhost:8080", abi.Missing, ""},
	} {
		d := guesttest.Route(t, &guest.Request{Host: c.host, Target: "/invoices?page=2"})
		if d.Outcome != c.outcome || d.Schema != c.schema {
			t.Errorf("%s: %v for schema %q, expected %v for %q", c.host, d.Outcome, d.Schema, c.outcome, c.schema)
		}
	}
}
