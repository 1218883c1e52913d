package edge

import (
	"strings"
	"testing"

	"github.com/tenantedge/tenantedge/edge/internal/wasm/wasmtest"
	"github.com/tenantedge/tenantedge/edge/tenant"
	"github.com/tenantedge/tenantedge/guest/abi"
)

// A guest that makes its own cache keys cannot return the same key for two tenants.
func TestACacheKeyBeginsWithItsTenant_D7(t *testing.T) {
	for result, want := range map[string]bool{
		"t1": true, "t1:p:1:k": true, "t1:": true,
		"": false, "p:1:k": false, "t2:p:1:k": false, "t1x:p:1:k": false, "T1:p:1:k": false, "v2:t1:p:1:k": false,
	} {
		b := abi.Begin(make([]byte, 64), 0, abi.KeyError+1)
		b.Put(abi.KeyResult, result)
		h := newHost(t, func(c *Config) {
			c.Guest = wasmtest.Sound().Replies(abi.ExportCacheKey, string(b.Bytes())).Wasm()
		})
		key, err := h.CacheKey(t.Context(), &tenant.Tenant{Schema: "t1"}, "p", "1", "k")
		if (err == nil) != want || want && key != result {
			t.Errorf("the guest returned %q: %q, %v", result, key, err)
		}
		if err != nil && !strings.Contains(err.Error(), "expected the schema, optionally followed by a colon and a suffix") {
			t.Errorf("the guest returned %q: %v", result, err)
		}
	}
}
