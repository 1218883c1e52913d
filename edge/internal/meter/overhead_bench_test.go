package meter_test

import (
	"context"
	"runtime"
	"slices"
	"testing"
	"time"

	"github.com/tetratelabs/wazero"
	"github.com/tetratelabs/wazero/api"

	"github.com/tenantedge/tenantedge/edge/internal/meter"
	"github.com/tenantedge/tenantedge/edge/internal/pristine"
	"github.com/tenantedge/tenantedge/edge/internal/wasm/wasmtest"
)

// BenchmarkOverhead runs each workload without the meter, with it, and with tracking, in
// alternating rounds, and reports the medians of the ratios of their processor times: of the
// meter to none, of tracking to the meter, and of tracking to none. So other load of the
// machine has little influence.
//
//	go test -run '^$' -bench Overhead -benchtime 100x
func BenchmarkOverhead(b *testing.B) {
	for _, guest := range []struct {
		name  string
		wasm  []byte
		calls map[string]uint64 // exports to call, and their arguments
	}{
		{"Go", wasmtest.GoGuest(b), map[string]uint64{"route": 1, "digest": 64, "encode": 10, "concurrent": 200}},
		{"C", wasmtest.Kernels, map[string]uint64{"strings": 2, "sorting": 1, "matrix": 10, "fibonacci": 20, "interpreter": 50}},
	} {
		plain := mustGuest(b, guest.wasm)
		counted, _ := metered(b, guest.wasm, meter.Options{})
		tracking := newMarking(b, guest.wasm)
		for name, arg := range guest.calls {
			b.Run(guest.name+"/"+name, func(b *testing.B) {
				times := 1
				for round(b, plain, name, arg, times) < time.Millisecond {
					times *= 2
				}
				var ratios [3][]float64
				var costs []float64
				for range b.N {
					without := float64(round(b, plain, name, arg, times))
					with := float64(round(b, counted, name, arg, times))
					tracked := float64(round(b, tracking, name, arg, times))
					for i, ratio := range []float64{with / without, tracked / with, tracked / without} {
						ratios[i] = append(ratios[i], ratio)
					}
					costs = append(costs, tracked/float64(times))
				}
				b.ReportMetric(0, "ns/op")
				b.ReportMetric(median(ratios[0]), "meter")
				b.ReportMetric(median(ratios[1]), "tracking")
				b.ReportMetric(median(ratios[2]), "both")
				b.ReportMetric(median(costs), "ns/call")
				b.ReportMetric(float64(counted.fuel.Get()), "fuel/call")
			})
		}
	}
}

func round(b *testing.B, g *guest, name string, arg uint64, times int) time.Duration {
	f := g.mod.ExportedFunction(name)
	stack := []uint64{arg}
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	start := threadTime()
	for range times {
		for i, w := range g.windows {
			w.Set(g.initial[i])
		}
		if g.fuel != nil {
			g.fuel.Set(0)
			g.limit.Set(g.slice)
			g.depth.Set(0)
		}
		stack[0] = arg
		if err := f.CallWithStack(context.Background(), stack); err != nil {
			b.Fatal(err)
		}
	}
	return threadTime() - start
}

// newMarking returns a guest that marks what it writes with a marker, as in production.
func newMarking(b *testing.B, module []byte) *guest {
	b.Helper()
	r, err := meter.Instrument(module, meter.Options{Track: true})
	if err != nil {
		b.Fatal(err)
	}
	image, err := pristine.NewImage(make([]byte, 64<<20))
	if err != nil {
		b.Fatal(err)
	}
	memory, err := image.NewMemory(64 << 20)
	if err != nil {
		b.Fatal(err)
	}
	g, err := instantiate(b, r.Wasm, setup{budget: plenty, first: "_initialize", marks: memory.Marks()})
	if err != nil {
		b.Fatal(err)
	}
	for _, global := range r.Globals {
		if global.Window {
			g.windows = append(g.windows, g.mod.ExportedGlobal(global.Name).(api.MutableGlobal))
			g.initial = append(g.initial, global.Value)
		}
	}
	return g
}

func median(v []float64) float64 {
	slices.Sort(v)
	return v[len(v)/2]
}

// BenchmarkInstrument measures the rewriting of a guest.
func BenchmarkInstrument(b *testing.B) {
	guest := wasmtest.GoGuest(b)
	b.SetBytes(int64(len(guest)))
	b.ReportAllocs()
	var r meter.Result
	for b.Loop() {
		var err error
		if r, err = meter.Instrument(guest, meter.Options{}); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(len(r.Wasm))/float64(len(guest)), "size-ratio")
}

// BenchmarkCompile measures how much longer wazero compiles a metered guest.
func BenchmarkCompile(b *testing.B) {
	guest := wasmtest.GoGuest(b)
	r, err := meter.Instrument(guest, meter.Options{})
	if err != nil {
		b.Fatal(err)
	}
	compile := func(wasm []byte) time.Duration {
		ctx := context.Background()
		rt := wazero.NewRuntime(ctx)
		defer rt.Close(ctx)
		start := time.Now()
		if _, err := rt.CompileModule(ctx, wasm); err != nil {
			b.Fatal(err)
		}
		return time.Since(start)
	}
	var ratios []float64
	for b.Loop() {
		without := compile(guest)
		ratios = append(ratios, float64(compile(r.Wasm))/float64(without))
	}
	b.ReportMetric(median(ratios), "ratio")
}
