package pristine

import (
	"bytes"
	"context"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/tetratelabs/wazero"
	"github.com/tetratelabs/wazero/api"
	"github.com/tetratelabs/wazero/experimental"
)

// The marker marks the same as the host, and take returns it.
func TestMarkerAndHostMarkTheSame(t *testing.T) {
	for name, engine := range engines {
		t.Run(name, func(t *testing.T) {
			ctx := t.Context()
			compiled, runtime := mustCompileMarker(t, engine())
			for _, size := range []int{0, wasmPage, 38 * wasmPage, 64 * wasmPage, 65 * wasmPage, 200 * wasmPage} {
				checkMarker(t, size, func(m marks) api.Function {
					module, err := runtime.InstantiateModule(experimental.WithMemoryAllocator(ctx, m), compiled, wazero.NewModuleConfig().WithName(""))
					if err != nil {
						t.Fatal(err)
					}
					return module.ExportedFunction(ExportMark)
				})
			}
		})
	}
}

func mustCompileMarker(t *testing.T, config wazero.RuntimeConfig) (wazero.CompiledModule, wazero.Runtime) {
	runtime := wazero.NewRuntimeWithConfig(t.Context(), config)
	t.Cleanup(func() { _ = runtime.Close(context.Background()) })
	compiled, err := runtime.CompileModule(t.Context(), Marker)
	if err != nil {
		t.Fatal(err)
	}
	return compiled, runtime
}

func checkMarker(t *testing.T, size int, instantiate func(marks) api.Function) {
	host, guest := newMarks(size), newMarks(size)
	mark := instantiate(guest)
	random := rand.New(rand.NewPCG(1, uint64(size)))
	for range 500 {
		want, tooMuch := make([]bool, size/grain), false
		for range random.IntN(8) {
			at, n := random.Uint32N(uint32(size+2*wasmPage)), random.Uint32N(3*grain)
			switch random.IntN(8) {
			case 0:
				at, n = random.Uint32(), random.Uint32()
			case 1:
				n = random.Uint32N(uint32(size + 1))
			}
			host.add(uint64(at), uint64(n))
			if _, err := mark.Call(context.Background(), uint64(at), uint64(n)); err != nil {
				t.Fatal(err)
			}
			start, end := uint64(at)/grain, min((uint64(at)+uint64(n)+grain-1)/grain, uint64(len(want)))
			if end >= start+maxMarked {
				tooMuch = true
				continue
			}
			for g := start; g < end && n > 0; g++ {
				want[g] = true
			}
		}
		if !bytes.Equal(host, guest) {
			t.Fatalf("size %d: host and guest have other marks", size)
		}
		got := make([]bool, size/grain)
		take := func(start, end int) {
			for g := start / grain; g < end/grain; g++ {
				got[g] = true
			}
		}
		if host.take(take) != tooMuch || guest.take(take) != tooMuch {
			t.Fatalf("size %d: take does not report %v", size, tooMuch)
		}
		if !slices.Equal(got, want) {
			t.Fatalf("size %d: take returns other marks", size)
		}
		if empty := newMarks(size); !bytes.Equal(guest, empty) {
			t.Fatalf("size %d: marks are left after take", size)
		}
	}
}

// A guest can mark all of its memory for the fuel of a few instructions, so the time must not
// depend on the size.
func TestMarkingALargeRangeTakesNoTime(t *testing.T) {
	m := newMarks(1 << 30)
	compiled, runtime := mustCompileMarker(t, wazero.NewRuntimeConfig())
	module, err := runtime.InstantiateModule(experimental.WithMemoryAllocator(t.Context(), m), compiled, wazero.NewModuleConfig().WithName(""))
	if err != nil {
		t.Fatal(err)
	}
	mark := module.ExportedFunction(ExportMark)
	const times = 10_000
	start := time.Now()
	for _, n := range []uint64{maxMarked*grain - 1, 1<<32 - 1} {
		for range times {
			if _, err := mark.Call(t.Context(), 1, n); err != nil {
				t.Fatal(err)
			}
		}
	}
	if took := time.Since(start); took > 5*time.Second { // it takes milliseconds, and a loop over grains 25 s
		t.Errorf("%d calls took %v", 2*times, took)
	}
}
