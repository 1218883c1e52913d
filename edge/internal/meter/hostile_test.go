package meter_test

import (
	"bytes"
	"context"
	"strings"
	"testing"

	"github.com/tenantedge/tenantedge/edge/internal/meter"
	"github.com/tenantedge/tenantedge/edge/internal/wasm"
	"github.com/tenantedge/tenantedge/edge/internal/wasm/wasmtest"
)

// G1 (SECURITY.md), the meter's part: whatever a guest does, it is stopped, and the next
// call is served.
func TestG1HostileGuestsAreStoppedAndServeAgain(t *testing.T) {
	const budget = 5_000_000
	g, r := metered(t, hostileModule, meter.Options{MaxMemory: 64})
	g.budget = budget
	image := g.save(r)
	for _, test := range []struct {
		name    string
		refused bool // stopped for its fuel
		deep    bool // stopped for its depth
	}{
		{name: "endless", refused: true},
		{name: "endless_empty", refused: true},
		{name: "endless_table", refused: true},
		{name: "endless_host", refused: true},
		{name: "wide", refused: true},
		{name: "bomb", refused: true},
		{name: "fill_most", refused: true},
		{name: "copy_often", refused: true},
		{name: "deep", deep: true},
		{name: "deep_indirect", deep: true},
		{name: "deep_large", deep: true},
		{name: "trap"},
	} {
		t.Run(test.name, func(t *testing.T) {
			if err := g.trap(test.name); err != nil {
				t.Fatal(err)
			}
			if g.refused != test.refused {
				t.Errorf("stopped for fuel: %v, want %v", g.refused, test.refused)
			}
			if deep := g.depth.Get() > r.MaxDepth; deep != test.deep {
				t.Errorf("stopped for depth: %v (%d), want %v", deep, g.depth.Get(), test.deep)
			}
			if used := g.fuel.Get(); used > budget+1<<29 {
				t.Errorf("used %d", used)
			}
			if size := g.mod.Memory().Size(); size > 64<<16 {
				t.Errorf("memory has %d bytes", size)
			}
			g.restore(r, image)
			if got := g.result("fine"); got != 42 {
				t.Errorf("the next call answers %d", got)
			}
		})
	}
}

func TestMemoryDoesNotGrowBeyondTheMaximum(t *testing.T) {
	g, r := metered(t, hostileModule, meter.Options{MaxMemory: 64})
	if got := g.result("grow_most"); uint32(got) != 0xffffffff {
		t.Errorf("growing to 4 GiB answers %d", int32(got))
	}
	if r.MinMemory != 1 || r.MaxMemory != 64 {
		t.Errorf("memory is %d to %d pages", r.MinMemory, r.MaxMemory)
	}
}

func TestLargeFramesCountSeveralTimes(t *testing.T) {
	g, _ := metered(t, hostileModule, meter.Options{MaxDepth: 1000})
	if err := g.trap("deep"); err != nil {
		t.Fatal(err)
	}
	if got := g.fuel.Get(); got != 1001*4 {
		t.Errorf("a small frame is entered for %d fuel, want %d", got, 1001*4)
	}
	// Of 100 results, 93 do not fit in registers: 744 bytes of stack a call.
	g, _ = metered(t, recursive(0, 100, 0, 0, wasm.I64).wasm, meter.Options{MaxDepth: 1000})
	f := g.mod.ExportedFunction("f")
	g.limit.Set(1 << 40)
	if _, err := f.Call(context.Background()); err == nil {
		t.Fatal("it ended")
	}
	if got := stackOf(f); g.depth.Get() <= 1000 || got > 2*1000*96+10240 {
		t.Errorf("at depth %d the stack has %d bytes", g.depth.Get(), got)
	}
}

// A frame can be large without locals, by the operands that are live while the function
// calls itself.
func TestWideFramesCountSeveralTimes(t *testing.T) {
	const operands = 10_000
	code := bytes.Repeat([]byte{0x23, 1}, operands) // global.get
	code = append(code, 0x10, 0)
	code = append(code, bytes.Repeat([]byte{0x6a}, operands-1)...) // i32.add
	g, _ := metered(t, module(append(code, 0x24, 1)...).Encode(), meter.Options{})
	if err := g.trap("f"); err != nil {
		t.Fatal(err)
	}
	if got := g.fuel.Get() / (2 * operands); got > 700 {
		t.Errorf("a function with %d operands is entered %d times", operands, got)
	}
}

func TestEveryExitRestoresTheDepth(t *testing.T) {
	g, _ := metered(t, hostileModule, meter.Options{MaxDepth: 5})
	g.result("leave", 10_000)
	if got := g.depth.Get(); got != 0 {
		t.Errorf("depth is %d after the call", got)
	}
}

func TestSpinningGoGuestIsStoppedWithinASlice(t *testing.T) {
	g, _ := metered(t, wasmtest.GoGuest(t), meter.Options{})
	ctx, cancel := context.WithCancel(context.Background())
	calls := 0
	stop := uint64(0)
	g.onRefill = func(used uint64) bool {
		if calls++; calls == 10 {
			cancel()
		}
		if ctx.Err() != nil {
			stop = used
			return false
		}
		return true
	}
	if err := g.trap("spin"); err != nil {
		t.Fatal(err)
	}
	if got := g.fuel.Get(); got != stop {
		t.Errorf("the fuel is %d, want %d: the call continued after refill had stopped it", got, stop)
	}
	if stop > 11*g.slice {
		t.Errorf("was stopped at %d, after 10 slices of %d", stop, g.slice)
	}
	g.onRefill = nil
}

func TestDeepGoRecursionIsStopped(t *testing.T) {
	g, r := metered(t, wasmtest.GoGuest(t), meter.Options{})
	g.result("route", 1)
	image := g.save(r)
	if err := g.trap("recurse", 10_000_000); err != nil {
		t.Fatal(err)
	}
	if g.depth.Get() <= r.MaxDepth {
		t.Errorf("stopped at depth %d", g.depth.Get())
	}
	g.restore(r, image)
	if plain := mustGuest(t, wasmtest.GoGuest(t)); plain.result("route", 2) != g.result("route", 2) {
		t.Error("the next call answers something else")
	}
}

func TestNothingRunsWithoutFuel(t *testing.T) {
	r, err := meter.Instrument(wasmtest.GoGuest(t), meter.Options{})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := instantiate(t, r.Wasm, setup{first: "_initialize"}); err == nil || !strings.Contains(err.Error(), "unreachable") {
		t.Errorf("_initialize ran: %v", err)
	}
}
