package edge

import (
	"bytes"
	"context"
	"strings"
	"testing"
	"time"

	"github.com/tenantedge/tenantedge/assets"
	"github.com/tenantedge/tenantedge/edge/internal/wasm"
	"github.com/tenantedge/tenantedge/edge/internal/wasm/wasmtest"
	"github.com/tenantedge/tenantedge/edge/smoke"
	"github.com/tenantedge/tenantedge/guest/abi"
)

// endless is the code of an endless loop.
var endless = []byte{0x03, 0x40, 0x0c, 0, 0x0b, 0x42, 0}

// bomb is code that grows memory until that fails, and then traps.
var bomb = []byte{0x03, 0x40, 0x41, 1, 0x40, 0, 0x41, 0x7f, 0x47, 0x0d, 0, 0x0b, 0x00}

// exporting returns a valid guest that also exports its memory under name.
func exporting(name string) []byte {
	m, err := wasm.Decode(wasmtest.Sound().Wasm())
	if err != nil {
		panic(err)
	}
	m.Exports.Add(wasm.Export{Name: name, Kind: wasm.KindMemory})
	return m.Encode()
}

// G2: another process refuses a hostile guest, with the reason, and this process
// survives.
func TestG2ASmokeRunRefusesHostileGuests(t *testing.T) {
	h := newHost(t, func(c *Config) { c.SmokeRun = smoke.Run })
	before := h.Stats().Guest
	// The compiler needs minutes for one function with so many branches.
	branches := append(bytes.Repeat([]byte{0x20, 0, 0x04, 0x40, 0x0b}, 100_000), wasmtest.I64(0)...)
	for name, module := range map[string][]byte{
		"an endless loop in configure": wasmtest.Sound().With(abi.ExportConfigure, endless...).Wasm(),
		"a function of many branches":  wasmtest.Sound().With(abi.ExportCacheKey, branches...).Wasm(),
	} {
		soon, cancel := context.WithTimeout(context.Background(), 300*time.Millisecond)
		_, err := h.Swap(soon, module)
		if cancel(); err == nil || !strings.Contains(err.Error(), "found no verdict before the caller's context ended: context deadline exceeded") {
			t.Errorf("%s: %v", name, err)
		}
	}
	for _, c := range []struct {
		name string
		wasm []byte
		want string
	}{
		{"a memory bomb in configure", wasmtest.Sound().With(abi.ExportConfigure, bomb...).Wasm(), "te_configure: memory"},
		{"a trap in configure", wasmtest.Sound().With(abi.ExportConfigure, 0x00).Wasm(), "te_configure: trap: wasm error: unreachable"},
		{"a self-test that fails", wasmtest.Sound().With(abi.ExportSelfTest, wasmtest.I32(3)...).Wasm(), "te_self_test returned 3: expected 0"},
		{"a trap at every request", wasmtest.Sound().With(abi.ExportRoute, 0x00).Wasm(), "no decision on GET https://smoke.invalid/"},
		{"a trap at every key", wasmtest.Sound().With(abi.ExportCacheKey, 0x00).Wasm(), "te_cache_key: trap"},
		{"a module of 100 MB", append(wasmtest.Sound().Wasm(), make([]byte, 100<<20)...), "expected at most 67108864"},
		{"an export with a name of 1 MB", exporting("meter." + strings.Repeat("\n", 1<<20)), "expected no export that starts with meter."},
		{"a truncated module", assets.Router[:1000], "is not a valid WebAssembly module"},
		{"no module", []byte("hello"), "is not a valid WebAssembly module"},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, err := h.Swap(context.Background(), c.wasm)
			if err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("Swap returned %v, want %q", err, c.want)
			}
		})
	}
	if s := h.Stats(); h.Stats().Guest != before || s.FailedSwaps != 11 || s.Swaps != 0 {
		t.Errorf("the guest is %+v after %d failed swaps and %d others", h.Stats().Guest, s.FailedSwaps, s.Swaps)
	}
	r, err := h.Swap(context.Background(), wasmtest.Sound().Wasm())
	if err != nil || r.Unchanged || r.Reused {
		t.Errorf("a sound guest: %+v, %v", r, err)
	}
	if back, err := h.Swap(context.Background(), assets.Router); err != nil || !back.Reused || back.Guest != before {
		t.Errorf("swapping back: %+v, %v", back, err)
	}
}

func TestTheHostLoadsTheCodeThatTheTrialCompiled(t *testing.T) {
	h := newHost(t, func(c *Config) { c.CompileCache, c.SmokeRun, c.Guest = t.TempDir(), smoke.Run, wasmtest.Sound().Wasm() })
	if cache := h.Stats().Engine.CompileCache; cache != "hit" {
		t.Errorf("New: the compile cache is %q, expected a hit", cache)
	}
	r, err := h.Swap(context.Background(), append(wasmtest.Sound().Wasm(), custom(1)...))
	if err != nil {
		t.Fatal(err)
	}
	if r.Engine.CompileCache != "hit" {
		t.Errorf("Swap: the compile cache is %q, expected a hit", r.Engine.CompileCache)
	}
}

func TestAGuestOfTheConfigurationIsTriedBeforeItsHostStarts(t *testing.T) {
	_, err := New(context.Background(), Config{
		Guest: wasmtest.Sound().With(abi.ExportRoute, 0x00).Wasm(), CompileCache: compileCache, SmokeRun: smoke.Run,
	})
	if err == nil || !strings.Contains(err.Error(), "edge: smoke run: expected the guest to load and to answer in a child process, found no decision on GET") {
		t.Errorf("New returned %v", err)
	}
}
