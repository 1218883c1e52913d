//go:build !wasip1

package main

import (
	"testing"

	"github.com/tenantedge/tenantedge/guest/guesttest"
	"github.com/tenantedge/tenantedge/guest/tck"
)

func TestTheMinimalGuest(t *testing.T) {
	suites, err := tck.Parse([]byte(`[{
		"name": "by the host's first label",
		"tenants": [{"id": "1", "schema": "acme"}],
		"config": {"default": {"urlconf": "app.urls"}},
		"routes": [
			{"name": "a tenant", "host": "acme.example.com", "target": "/x?y",
			 "want": {"outcome": "tenant", "schema": "acme", "tenant_id": "1", "domain": "acme.example.com"}},
			{"name": "unknown", "host": "unknown.example.com", "want": {"outcome": "not_found", "status": 404}}
		],
		"cache_keys": [{"schema": "acme", "version": "1", "key": "k", "want": "acme::v2-1:k"}],
		"reversed": [{"cache_key": "acme::v2-1:k", "want": "k"}]
	}]`))
	if err != nil {
		t.Fatal(err)
	}
	tck.Run(t, suites, func(t *testing.T, w *tck.World) tck.Guest {
		guesttest.Replace(t, w)
		return tck.Func(guesttest.Call)
	})
}
