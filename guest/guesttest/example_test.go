//go:build !wasip1

package guesttest_test

import (
	"testing"

	"github.com/tenantedge/tenantedge/guest"
	"github.com/tenantedge/tenantedge/guest/guesttest"
	"github.com/tenantedge/tenantedge/guest/tck"
)

// A test configures the guest of its package and asks it for decisions.
func ExampleRoute() {
	var t *testing.T // the test's
	host := &tck.World{
		Tenants: []tck.Tenant{{ID: "1", Schema: "acme"}},
		Domains: []tck.Domain{{Tenant: "1", Domain: "acme.example.com"}},
	}
	guesttest.Configure(t, host, `{"default": {"urlconf": "app.urls"}}`)
	d := guesttest.Route(t, &guest.Request{Host: "acme.example.com", Target: "/invoices?page=2"})
	if d.Schema != "acme" || d.Path != "/invoices" {
		t.Errorf("schema %q and path %q, expected acme and /invoices", d.Schema, d.Path)
	}
}

// A host of the test's own answers what the guest queries.
func ExampleUnavailable() {
	var t *testing.T // the test's
	guesttest.Configure(t, noSessions{}, `{"default": {}}`)
	access := &guest.Access{Schema: "acme", Method: "GET", Name: "a.txt", HasName: true}
	if verdict := guesttest.Authorize(t, access, guest.Header{Value: "session=k1", Present: true}); verdict != guest.Deny {
		t.Errorf("verdict is %d, expected Deny", verdict)
	}
}

type noSessions struct{ guesttest.Unavailable }

func (noSessions) Query(_, _, _ string, out []byte) int64 { return int64(copy(out, "[]")) }
