//go:build !wasip1

package main

import (
	"testing"

	"github.com/tenantedge/tenantedge/guest/abi"
	"github.com/tenantedge/tenantedge/guest/guesttest"
	"github.com/tenantedge/tenantedge/guest/tck"
)

func TestTheRouterConformsNatively(t *testing.T) {
	suites, err := tck.Golden()
	if err != nil {
		t.Fatal(err)
	}
	tck.Run(t, suites, func(t *testing.T, w *tck.World) tck.Guest {
		guesttest.Replace(t, w)
		return tck.Func(guesttest.Call)
	})
}

func TestTheSelfTestSucceeds(t *testing.T) {
	if err := selfTest(); err != nil {
		t.Error(err)
	}
}

func TestRoutingThroughTheSDKAllocatesNothing(t *testing.T) {
	guesttest.Replace(t, &tck.World{
		Tenants: []tck.Tenant{{ID: "1", Schema: "acme"}},
		Domains: []tck.Domain{{Tenant: "1", Domain: "acme.example.com"}},
	})
	if _, err := guesttest.Call(abi.ExportConfigure, []byte(`{"abi":1,"default":{"urlconf":"app.urls"}}`)); err != nil {
		t.Fatal(err)
	}
	buf := make([]byte, 256)
	b := abi.Begin(buf, 0, abi.ReqHeader0)
	b.Put(abi.ReqMethod, "GET")
	b.Put(abi.ReqScheme, "http")
	b.Put(abi.ReqHost, "acme.example.com")
	b.Put(abi.ReqTarget, "/invoices?page=2")
	msg := b.Bytes()
	allocs := testing.AllocsPerRun(100, func() {
		if _, err := guesttest.Call(abi.ExportRoute, msg); err != nil {
			t.Fatal(err)
		}
	})
	if allocs != 0 {
		t.Errorf("a request allocates %v times, want 0", allocs)
	}
}
