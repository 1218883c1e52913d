package meter_test

import (
	"flag"
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/tetratelabs/wazero/api"

	"github.com/tenantedge/tenantedge/edge/internal/meter"
	"github.com/tenantedge/tenantedge/edge/internal/meter/metertest"
	"github.com/tenantedge/tenantedge/edge/internal/wasm/wasmtest"
)

// byteRange is the addresses from start up to, not including, end.
type byteRange struct{ start, end uint64 }

// tracked is a guest that marks what it writes.
type tracked struct {
	*guest
	globals []meter.Global
	before  []byte
	random  *rand.Rand
}

// begin fills the memory with other bytes, so that nearly every write changes some, and
// then does what watch does.
func (g *tracked) begin() {
	view := g.view()
	for i := range view {
		view[i] += byte(g.random.Uint32()) | 1
	}
	g.watch()
}

// watch records the memory and empties the windows.
func (g *tracked) watch() {
	g.before = slices.Clone(g.view())
	g.marked = g.marked[:0]
	for _, v := range g.globals {
		if v.Window {
			g.mod.ExportedGlobal(v.Name).(api.MutableGlobal).Set(v.Value)
		}
	}
}

func (g *tracked) view() []byte {
	if g.mod.Memory() == nil {
		return nil
	}
	b, _ := g.mod.Memory().Read(0, g.mod.Memory().Size())
	return b
}

// missed returns the first address that was written and not marked.
func (g *tracked) missed() error {
	low, high := g.mod.ExportedGlobal(meter.ExportLow).Get(), g.mod.ExportedGlobal(meter.ExportHigh).Get()
	known := make([]bool, len(g.before))
	for _, r := range append(g.marked, byteRange{uint64(uint32(low)), uint64(uint32(high))}, byteRange{0, meter.Always}) {
		for at := r.start; at < min(r.end, uint64(len(known))); at++ {
			known[at] = true
		}
	}
	view := g.view()
	for at, b := range g.before {
		if view[at] != b && !known[at] {
			return fmt.Errorf("address %#x was written and not marked; low %#x, high %#x, marked %x", at, low, high, g.marked)
		}
	}
	return nil
}

// randomBytes returns n bytes that depend on a seed.
func randomBytes(seed uint64, n int) []byte {
	random := rand.New(rand.NewPCG(seed, 5))
	data := make([]byte, n)
	for i := range data {
		data[i] = byte(random.Uint32())
	}
	return data
}

var (
	writers    = flag.Int("writers", 480, "how many random modules TestEveryWrittenByteIsMarked tries")
	writerSeed = flag.Uint64("writerseed", 1, "where they begin")
)

// Every written byte is marked, whatever the guest's code is and wherever it stops.
func TestEveryWrittenByteIsMarked(t *testing.T) {
	modules := *writers
	if testing.Short() {
		modules = min(modules, 50)
	}
	calls, stopped, ranges := 0, 0, 0
	for n := range uint64(modules) {
		g, m := newWriter(t, randomBytes(*writerSeed+n, 2000), nil)
		for _, args := range starts {
			s, err := g.writes(args)
			if err != nil {
				t.Fatalf("seed %d, arguments %#x: %v\n%x", *writerSeed+n, args, err, m)
			}
			calls, stopped, ranges = calls+functions, stopped+s, ranges+len(g.marked)
		}
		_ = g.rt.Close(t.Context())
	}
	t.Logf("%d of %d calls trapped; %d ranges were marked", stopped, calls, ranges)
}

// starts are the arguments of the calls of each module.
var starts = [][2]uint64{{0, 0}, {1020, 5000}, {70000, 1<<32 - 8}, {131064, 3}, {40000, 4090}, {1<<32 - 1, 131072}}

// newWriter returns the guest that data describes, without the marks for which skip returns
// true, and its code before that.
func newWriter(t testing.TB, data []byte, skip func() bool) (*tracked, []byte) {
	m := writer(data)
	r, err := meter.Instrument(m, meter.Options{Track: true, MaxMemory: 8})
	if err == nil && skip != nil {
		r.Wasm, err = metertest.WithoutMarks(r.Wasm, skip)
	}
	if err != nil {
		t.Fatalf("%v\n%x", err, m)
	}
	g, err := newGuest(t, r.Wasm)
	if err != nil {
		t.Fatalf("%v\n%x", err, m)
	}
	g.budget = 200_000
	return &tracked{guest: g, globals: r.Globals, random: rand.New(rand.NewPCG(1, 1))}, m
}

// writes calls all functions, each of which begins with the windows of the one before. It
// returns an error if a written byte is not marked.
func (g *tracked) writes(args [2]uint64) (stopped int, err error) {
	g.begin()
	for n := range functions {
		if _, err := g.call(string('a'+rune(n)), args[0], args[1]); err != nil {
			stopped++
		}
	}
	return stopped, g.missed()
}

func FuzzEveryWrittenByteIsMarked(f *testing.F) {
	for seed := range uint64(20) {
		f.Add(randomBytes(seed, 300))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		g, m := newWriter(t, data, nil)
		defer g.rt.Close(t.Context())
		for _, args := range starts {
			if _, err := g.writes(args); err != nil {
				t.Fatalf("arguments %#x: %v\n%x", args, err, m)
			}
		}
	})
}

// A guest whose tracking misses one group of stores, of about 50, is often noticed, so the
// tests above would notice an error of the meter.
func TestAGroupThatIsNotMarkedIsNoticed(t *testing.T) {
	noticed := 0
	const modules = 50
	for seed := range uint64(modules) {
		missing := int(seed)
		g, _ := newWriter(t, randomBytes(seed, 2000), func() bool { missing--; return missing == -1 })
		for _, args := range starts {
			if _, err := g.writes(args); err != nil {
				noticed++
				break
			}
		}
		_ = g.rt.Close(t.Context())
	}
	t.Logf("noticed in %d of %d modules", noticed, modules)
	if noticed < modules/10 {
		t.Errorf("expected more")
	}
}

// Tracking changes neither results nor fuel.
func TestTrackingCostsNoFuel(t *testing.T) {
	for _, test := range []struct {
		guest []byte
		calls map[string]uint64
	}{
		{wasmtest.Kernels, map[string]uint64{"strings": 2, "sorting": 1, "matrix": 4, "fibonacci": 10, "interpreter": 50}},
		{wasmtest.GoGuest(t), map[string]uint64{"route": 1, "digest": 64, "encode": 10, "concurrent": 200}},
	} {
		plain, _ := metered(t, test.guest, meter.Options{})
		tracking, r := metered(t, test.guest, meter.Options{Track: true})
		if r.Touches == 0 {
			t.Error("nothing is tracked")
		}
		for name, arg := range test.calls {
			want, got := plain.result(name, arg), tracking.result(name, arg)
			if got != want || plain.fuel.Get() != tracking.fuel.Get() {
				t.Errorf("%s(%d) = %d for %d units of fuel, expected %d for %d", name, arg, got, tracking.fuel.Get(), want, plain.fuel.Get())
			}
		}
	}
}

// The writes of real guests are marked.
func TestEveryByteThatCompiledGuestsWriteIsMarked(t *testing.T) {
	for _, test := range []struct {
		guest []byte
		calls map[string]uint64
	}{
		{wasmtest.Kernels, map[string]uint64{"strings": 2, "sorting": 1, "matrix": 4, "fibonacci": 10, "interpreter": 50}},
		{wasmtest.GoGuest(t), map[string]uint64{"route": 1, "digest": 64, "encode": 10, "recovered": 5, "concurrent": 200}},
	} {
		r, err := meter.Instrument(test.guest, meter.Options{Track: true})
		if err != nil {
			t.Fatal(err)
		}
		g := &tracked{guest: mustGuest(t, r.Wasm), globals: r.Globals}
		for name, arg := range test.calls {
			for range 3 {
				g.watch()
				g.result(name, arg)
				if err := g.missed(); err != nil {
					t.Errorf("%s: %v", name, err)
				}
			}
		}
	}
}
