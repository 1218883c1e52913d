package meter_test

import (
	"bytes"
	"testing"

	"github.com/tenantedge/tenantedge/edge/internal/meter"
	"github.com/tenantedge/tenantedge/edge/internal/wasm/wasmtest"
)

func TestFuelIsWhatFUELmdSays(t *testing.T) {
	g, _ := metered(t, fuelModule, meter.Options{})
	for _, test := range []struct {
		call string
		args []uint64
		want uint64
		trap bool
	}{
		{call: "nothing", want: 0},
		{call: "straight", want: 4},
		{call: "loop", args: []uint64{1}, want: 5},
		{call: "loop", args: []uint64{1000}, want: 5000},
		{call: "leaf", want: 2},
		{call: "call", want: 2 * (4 + 2)},
		{call: "call_indirect", want: 1 + 8 + 2},
		{call: "call_host", want: 64},
		{call: "divide", args: []uint64{5}, want: 2 + 10},
		{call: "divide", args: []uint64{0}, want: 2 + 10, trap: true},
		{call: "small_if", args: []uint64{0}, want: 2 + 1 + 3},
		{call: "small_if", args: []uint64{1}, want: 2 + 1 + 3},
		{call: "large_if", args: []uint64{0}, want: 2},
		{call: "large_if", args: []uint64{1}, want: 2 + 18},
		{call: "block", args: []uint64{0}, want: 2 + 2 + 2},
		{call: "block", args: []uint64{1}, want: 2 + 2 + 2},
		{call: "switch", args: []uint64{0}, want: 2 + 2},
		{call: "switch", args: []uint64{1}, want: 2 + 6},
		{call: "switch", args: []uint64{9}, want: 2 + 1},
		{call: "fill", args: []uint64{0}, want: 3 + 8},
		{call: "fill", args: []uint64{7}, want: 3 + 8},
		{call: "fill", args: []uint64{65536}, want: 3 + 8 + 8192},
		{call: "fill", args: []uint64{0xffffffff}, want: 3 + 8 + 1<<29 - 1, trap: true},
		{call: "copy", args: []uint64{800}, want: 3 + 8 + 100},
		{call: "grow", args: []uint64{0}, want: 1 + 64},
		{call: "grow", args: []uint64{2}, want: 1 + 64 + 2*8192},
		{call: "grow", args: []uint64{4}, want: 1 + 64 + 4*8192}, // to 7 of at most 4: fails, and is charged
		{call: "grow", args: []uint64{5}, want: 1 + 64},          // more than the maximum
		{call: "unreachable", want: 3, trap: true},
		{call: "global", want: 5},
	} {
		_, err := g.call(test.call, test.args...)
		if (err != nil) != test.trap {
			t.Errorf("%s%v: %v", test.call, test.args, err)
		}
		if got := g.fuel.Get(); got != test.want {
			t.Errorf("%s%v costs %d, want %d", test.call, test.args, got, test.want)
		}
	}
}

func TestFuelIsTheSameEveryTime(t *testing.T) {
	a, _ := metered(t, wasmtest.Kernels, meter.Options{})
	b, _ := metered(t, wasmtest.Kernels, meter.Options{})
	b.slice = 777
	want := map[string]uint64{}
	for i := range 10_000 {
		name := []string{"strings", "sorting", "matrix", "fibonacci", "interpreter"}[i%5]
		n := uint64(1)
		if i%5 > 2 {
			n = 3
		}
		g := a
		if i%2 == 0 {
			g = b
		}
		if i%50 == 7 { // a stopped run has no effect on later ones
			g.budget = uint64(i)
			_, _ = g.call("interpreter", 1000)
			g.budget = plenty
		}
		g.result(name, n)
		fuel := g.fuel.Get()
		if i < 5 {
			want[name] = fuel
		}
		if fuel != want[name] {
			t.Fatalf("run %d of %s costs %d, want %d", i, name, fuel, want[name])
		}
	}
}

// state returns memory and globals, which are all the state of a guest.
type state struct {
	memory  []byte
	globals []uint64
}

func (g *guest) save(r meter.Result) state {
	s := state{}
	view, _ := g.mod.Memory().Read(0, g.mod.Memory().Size())
	s.memory = bytes.Clone(view)
	for _, global := range r.Globals {
		s.globals = append(s.globals, g.mod.ExportedGlobal(global.Name).Get())
	}
	return s
}

func (g *guest) restore(r meter.Result, s state) {
	view, _ := g.mod.Memory().Read(0, g.mod.Memory().Size())
	clear(view[copy(view, s.memory):])
	type settable interface{ Set(uint64) }
	for i, global := range r.Globals {
		g.mod.ExportedGlobal(global.Name).(settable).Set(s.globals[i])
	}
}

func TestRestoredGoGuestGivesTheSameFuelAfterTraps(t *testing.T) {
	g, r := metered(t, wasmtest.GoGuest(t), meter.Options{})
	g.result("encode", 20) // warm
	g.result("route", 1)
	image := g.save(r)
	wantAnswer, wantFuel := g.result("encode", 3), g.fuel.Get()
	for i := range 300 {
		g.restore(r, image)
		if i%5 == 4 { // stopped at another point each time
			g.budget = uint64(i) * wantFuel / 300
			if err := g.trap("encode", 3); err != nil {
				t.Fatalf("budget %d: %v", g.budget, err)
			}
			g.budget = plenty
			continue
		}
		if got := g.result("encode", 3); got != wantAnswer || g.fuel.Get() != wantFuel {
			t.Fatalf("run %d: %d for %d fuel, want %d for %d", i, got, g.fuel.Get(), wantAnswer, wantFuel)
		}
	}
}

func TestWhereABudgetEndsDoesNotDependOnSlices(t *testing.T) {
	g, _ := metered(t, wasmtest.Kernels, meter.Options{})
	for _, budget := range []uint64{0, 1, 1000, 54_321, 300_000} {
		var first uint64
		for i, slice := range []uint64{plenty, 1, 100, 99_999} {
			g.budget, g.slice = budget, slice
			if err := g.trap("strings", 50); err != nil || !g.refused {
				t.Fatalf("budget %d in slices of %d: %v, refused %v", budget, slice, err, g.refused)
			}
			if got := g.fuel.Get(); i == 0 {
				first = got
			} else if got != first {
				t.Errorf("budget %d in slices of %d ends at %d, want %d", budget, slice, got, first)
			}
		}
		if first < budget || first > budget+100 {
			t.Errorf("budget %d ends at %d", budget, first)
		}
	}
}
