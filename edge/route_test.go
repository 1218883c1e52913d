package edge

import (
	"testing"

	"github.com/tenantedge/tenantedge/edge/internal/wasm/wasmtest"
)

// A guest may decide on the tenant only, as the example minimal does.
func TestADynamicTenantHasTheDefaultURLConfIfTheGuestNamesNone(t *testing.T) {
	for name, guest := range map[string][]byte{"router": nil, "minimal": wasmtest.Minimal(t)} {
		t.Run(name, func(t *testing.T) {
			h := newHost(t, func(c *Config) { c.Guest = guest })
			d, err := h.Route(t.Context(), &Request{Method: "GET", Scheme: "http", Host: "t1.example.com", Target: "/x"})
			if err != nil || d.Tenant.Schema != "t1" || d.Tenant.URLConf != "app.urls" {
				t.Errorf("decided %+v, %v: expected t1 with app.urls", d, err)
			}
		})
	}
}
