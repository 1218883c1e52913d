package meter_test

import (
	"cmp"
	"context"
	"flag"
	"math/rand/v2"
	"reflect"
	"runtime"
	"slices"
	"testing"
	"time"

	"github.com/tenantedge/tenantedge/edge/internal/meter"
	"github.com/tenantedge/tenantedge/edge/internal/wasm"
)

var (
	searchFor  = flag.Int("search", 24, "how many random functions are tried")
	searchSeed = flag.Uint64("searchseed", 1, "where they begin")
	searchAll  = flag.Bool("searchall", false, "try large shapes as well, which takes minutes")
)

// cost is the measured cost of a shape.
type cost struct {
	unit  float64       // nanoseconds for one unit of fuel
	slice time.Duration // longest time between two checks
	stack int           // bytes of the handle's stack
	deep  bool          // stopped for its depth
	fuel  uint64
	err   string // why it was refused
}

// spend runs a shape until it is stopped.
func spend(t testing.TB, s shape, budget uint64) (c cost) {
	t.Helper()
	r, err := meter.Instrument(s.wasm, meter.Options{})
	if err != nil {
		return cost{err: err.Error()}
	}
	g, err := instantiate(t, r.Wasm, setup{budget: budget})
	if err != nil {
		t.Fatalf("%s: %v", s.name, err)
	}
	defer g.rt.Close(context.Background())
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	var last time.Duration
	g.onRefill = func(uint64) bool {
		now := threadTime()
		c.slice = max(c.slice, now-last)
		last = threadTime()
		return true
	}
	f := g.mod.ExportedFunction("f")
	if !s.cold {
		g.limit.Set(min(g.slice, budget))
		_, _ = f.Call(context.Background()) // grows the stack, and accesses the memory
		g.fuel.Set(0)
		g.depth.Set(0)
		g.refused, c.slice = false, 0
	}
	g.limit.Set(min(g.slice, budget))
	last = threadTime()
	start := last
	_, err = f.Call(context.Background())
	end := threadTime()
	if err == nil {
		t.Fatalf("%s: it ended", s.name)
	}
	c.slice = max(c.slice, end-last)
	c.fuel = g.fuel.Get()
	c.unit = float64(end-start) / float64(max(1, c.fuel))
	c.deep = g.depth.Get() > r.MaxDepth
	if !c.deep && !g.refused {
		t.Errorf("%s: stopped neither for fuel nor for depth: %v", s.name, firstLine(err))
	}
	c.stack = stackOf(f)
	return c
}

// stackOf returns the size of the stack of a function's handle.
func stackOf(f any) int { return reflect.ValueOf(f).Elem().FieldByName("stack").Len() }

// slow returns shapes that may take long for their fuel.
func slow(large bool) []shape {
	var all []shape
	counts := []int{7, 15, 60, 999}
	if large {
		counts = append(counts, 2000, 10000)
	}
	for _, t := range valueTypes {
		for _, n := range counts {
			all = append(all, coldArm(n, t, false), coldArm(n, t, true))
			if n < 1000 {
				all = append(all, carried(n, t, false), carried(n, t, true), handed(n, t), results(n, t))
			}
		}
	}
	all = append(all, operations(10)...)
	all = append(all, chase(64, 1), chase(64, 100), pages(64, 40, false), pages(64, 40, true),
		straight(100_000), unwinding(40, 15_000), unwinding(4, 15_000), unwinding(400, 15_000))
	if large {
		all = append(all, operations(1000)...)
		all = append(all, chase(1024, 1), chase(1024, 100), chase(1024, 5000), pages(1024, 40, false), pages(1024, 40, true))
	}
	return all
}

// deep returns shapes that may take much stack for their depth.
func deep(large bool) []shape {
	var all []shape
	for _, t := range valueTypes {
		for _, n := range []int{0, 1, 4, 16, 100, 999} {
			all = append(all, recursive(0, n, 0, 0, t), recursive(n, 0, 0, 0, t), recursive(n, n, 0, 0, t),
				recursive(0, 0, n, 0, t), recursive(0, 0, 0, n, t), recursive(n, n, n, n, t), recursive(8, 2, 6, n, t))
		}
		for _, n := range []int{4, 10, 14, 100} {
			all = append(all, joining(n, 10, t, false), joining(n, 10, t, true))
			all = append(all, pressed(100, 2, n), pressed(100, 8, n), pressed(100, 11, n))
			if large {
				all = append(all, joining(n, 100, t, false), joining(n, 100, t, true))
			}
		}
	}
	return all
}

// found is a shape and its cost.
type found struct {
	shape
	cost
}

// search runs all shapes, and the random ones that the flags select.
func search(t *testing.T) (all []found) {
	const budget = 100 * meter.DefaultSlice
	try := func(s shape) {
		c := spend(t, s, max(budget, s.budget))
		if c.err != "" {
			t.Logf("refused: %s: %s", s.name, c.err)
			return
		}
		all = append(all, found{s, c})
	}
	for _, s := range slow(*searchAll) {
		try(s)
	}
	for _, s := range deep(*searchAll) {
		s.budget = 1 << 32 // so that it is stopped for its depth
		try(s)
	}
	r := rand.New(rand.NewPCG(*searchSeed, 0))
	for i := range *searchFor {
		s := random(r, i%2 == 0)
		if i%2 == 0 {
			s.budget = 1 << 28
		}
		try(s)
	}
	return all
}

// No guest can make a unit of fuel so expensive that a slice delays the garbage
// collector, whatever values it moves (D3), or frames so large that the engine's
// stack overflows before they are counted (D4).
func TestNoShapeCostsMoreThanItsFuel_D3_D4(t *testing.T) {
	const (
		mostStack = 4 << 20
		// A plain loop takes 0.2 to 0.4 ns a unit; 5 ms for a slice is 250 ns a unit.
		mostRatio = 150
	)
	plain := chain("i32.add", 1, 10, code{}.value(wasm.I32), code{}.value(wasm.I32).op(0x6a), code{}.op(0x1a))
	base := spend(t, plain, 100*meter.DefaultSlice).unit
	all := search(t)
	for _, f := range all {
		if f.stack > mostStack {
			t.Errorf("%s: its stack has %d bytes, want at most %d", f.name, f.stack, mostStack)
		}
		if f.deep || f.cold { // the engine grows and unwinds the stack in Go
			continue
		}
		ratio := f.unit / base
		for range 20 { // other load of the machine evicts the cache
			if ratio < mostRatio {
				break
			}
			base = spend(t, plain, 100*meter.DefaultSlice).unit
			ratio = spend(t, f.shape, 100*meter.DefaultSlice).unit / base
		}
		if ratio >= mostRatio {
			t.Errorf("%s: a unit takes %.0f times as long as in a plain loop, want less than %d", f.name, ratio, mostRatio)
		}
	}
	slices.SortFunc(all, func(a, b found) int { return cmp.Compare(b.slice, a.slice) })
	for _, f := range all[:15] {
		t.Logf("%8.2f ns a unit, slice %9v  %s", f.unit, f.slice, f.name)
	}
	slices.SortFunc(all, func(a, b found) int { return cmp.Compare(b.stack, a.stack) })
	for _, f := range all[:15] {
		t.Logf("%10d bytes of stack, deep %v  %s", f.stack, f.deep, f.name)
	}
}

// The code between two checks is bounded, however long a function is and however many
// calls return.
func TestStraightCodeChecksTheBudget_D3(t *testing.T) {
	for _, s := range []shape{straight(100_000), unwinding(4000, 10)} {
		r, err := meter.Instrument(s.wasm, meter.Options{})
		if err != nil {
			t.Fatal(err)
		}
		g, err := instantiate(t, r.Wasm, setup{budget: 2_000_000})
		if err != nil {
			t.Fatal(err)
		}
		g.slice = 1
		var last, most uint64
		g.onRefill = func(used uint64) bool {
			last, most = used, max(most, used-last)
			return true
		}
		if err := g.trap("f"); err != nil {
			t.Fatal(err)
		}
		if most > 5000 {
			t.Errorf("%s: %d units between two checks", s.name, most)
		}
	}
}
