//go:build !wasip1

package guesttest_test

import (
	"testing"

	"github.com/tenantedge/tenantedge/guest"
	"github.com/tenantedge/tenantedge/guest/abi"
	"github.com/tenantedge/tenantedge/guest/guesttest"
	"github.com/tenantedge/tenantedge/guest/tck"
	"github.com/tenantedge/tenantedge/guest/tenancy"
)

func TestADecisionIsThatOfTheGuest(t *testing.T) {
	guest.Serve(guest.Handlers{})
	configured := guesttest.Configure(t, &tck.World{
		Tenants: []tck.Tenant{{ID: "1", Schema: "acme"}},
		Domains: []tck.Domain{{Tenant: "1", Domain: "acme.io"}, {Tenant: "1", Domain: "shared.io", Folder: "acme"}},
	}, `{"routers":["domain","header","session"],"default":{"urlconf":"app.urls"}}`)
	if len(configured.Headers) != 1 {
		t.Fatalf("Configured.Headers is %q, want one name", configured.Headers)
	}
	for _, c := range []struct {
		what    string
		request guest.Request
		outcome abi.Outcome
		kind    tenancy.Kind
		path    string
	}{
		{"a domain", guest.Request{Host: "acme.io", Target: "/x?y"}, abi.Tenant, tenancy.ByDomain, "/x"},
		{"a folder", guest.Request{Host: "shared.io", Target: "/acme/x"}, abi.Tenant, tenancy.ByDomain, "/x"},
		{"a header", guest.Request{Host: "other.io", Target: "/", Trusted: true, Headers: []guest.Header{{Value: "acme", Present: true}}}, abi.Tenant, tenancy.ByHeader, "/"},
		{"a session", guest.Request{Host: "other.io", Target: "/", Session: `"acme"`}, abi.Tenant, tenancy.BySession, "/"},
		{"no tenant", guest.Request{Host: "other.io", Target: "/"}, abi.Missing, tenancy.Unrouted, ""},
	} {
		d := guesttest.Route(t, &c.request)
		if d.Outcome != c.outcome || d.Kind != c.kind || d.Path != c.path {
			t.Errorf("%s: outcome %s, kind %d and path %q, want %s, %d and %q (%s)", c.what, d.Outcome, d.Kind, d.Path, c.outcome, c.kind, c.path, d.Reason)
		}
	}
}

func TestWithoutHandlerEveryFileIsDenied(t *testing.T) {
	guest.Serve(guest.Handlers{})
	guesttest.Configure(t, guesttest.Unavailable{}, `{"default":{}}`)
	if v := guesttest.Authorize(t, &guest.Access{Schema: "acme"}); v != guest.Deny {
		t.Errorf("verdict is %d, want %d", v, guest.Deny)
	}
	if guesttest.SelfTest() != 0 {
		t.Error("the self-test fails without a handler")
	}
}
