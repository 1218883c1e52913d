package edge

import (
	"context"
	"slices"
	"testing"

	"github.com/tenantedge/tenantedge/edge/internal/wasm/wasmtest"
	"github.com/tenantedge/tenantedge/guest/abi"
)

func TestAReportNamesTheEngineAndWhatTheGuestLeavesToTheHost(t *testing.T) {
	h := newHost(t, func(c *Config) { c.Limits.Instances = 1 })
	s := h.Stats()
	if s.Guest.Digest == "" || len(s.Missing) > 0 {
		t.Errorf("the default guest: %+v", s)
	}
	if e := s.Engine; e.FuelVersion < 1 || e.Instances != 1 || e.ImageBytes < 65536 || e.CompileCache == "" {
		t.Errorf("the engine: %+v", e)
	}
	r, err := h.Swap(context.Background(), wasmtest.Sound().Wasm())
	for _, name := range []string{abi.ExportCacheKey, abi.ExportReverseKey, abi.ExportPathname, abi.ExportSelfTest} {
		if err != nil || !slices.Contains(r.Missing, name) || !slices.Contains(h.Stats().Missing, name) {
			t.Errorf("a guest that only routes: %+v, %v, want %s to be missing", r, err, name)
		}
	}
}
