package meter_test

import (
	"context"
	"slices"
	"testing"
	"time"

	"github.com/tetratelabs/wazero"

	"github.com/tenantedge/tenantedge/edge/internal/meter"
	"github.com/tenantedge/tenantedge/edge/internal/wasm/wasmtest"
)

// BenchmarkOverhead runs each workload with and without the meter, in alternating rounds,
// and reports the median of the ratios of their times. So other load of the machine
// has little influence.
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
		for name, arg := range guest.calls {
			b.Run(guest.name+"/"+name, func(b *testing.B) {
				times := 1
				for round(b, plain, name, arg, times) < time.Millisecond {
					times *= 2
				}
				ratios, costs := make([]float64, b.N), make([]float64, b.N)
				for i := range b.N {
					without := round(b, plain, name, arg, times)
					with := round(b, counted, name, arg, times)
					ratios[i], costs[i] = float64(with)/float64(without), float64(with)/float64(times)
				}
				b.ReportMetric(0, "ns/op")
				b.ReportMetric(median(ratios), "ratio")
				b.ReportMetric(median(costs), "ns/call")
				b.ReportMetric(float64(counted.fuel.Get()), "fuel/call")
			})
		}
	}
}

func round(b *testing.B, g *guest, name string, arg uint64, times int) time.Duration {
	f := g.mod.ExportedFunction(name)
	stack := []uint64{arg}
	start := time.Now()
	for range times {
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
	return time.Since(start)
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
