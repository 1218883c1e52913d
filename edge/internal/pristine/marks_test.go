package pristine

import (
	"bytes"
	"context"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/tetratelabs/wazero"
	"github.com/tetratelabs/wazero/api"
	"github.com/tetratelabs/wazero/experimental"
)

// The marker marks the same as the host, and take returns it.
func TestMarkerAndHostMarkTheSame(t *testing.T) {
	for name, engine := range engines {
		t.Run(name, func(t *testing.T) {
			ctx := context.Background()
			runtime := wazero.NewRuntimeWithConfig(ctx, engine())
			defer runtime.Close(ctx)
			compiled, err := runtime.CompileModule(ctx, Marker)
			if err != nil {
				t.Fatal(err)
			}
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

func checkMarker(t *testing.T, size int, instantiate func(marks) api.Function) {
	host, guest := newMarks(size), newMarks(size)
	mark := instantiate(guest)
	random := rand.New(rand.NewPCG(1, uint64(size)))
	for range 500 {
		want := make([]bool, size/grain)
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
			for g := uint64(at) / grain; g < min((uint64(at)+uint64(n)+grain-1)/grain, uint64(len(want))) && n > 0; g++ {
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
		host.take(take)
		guest.take(take)
		if !slices.Equal(got, want) {
			t.Fatalf("size %d: take returns other marks", size)
		}
		if empty := newMarks(size); !bytes.Equal(guest, empty) {
			t.Fatalf("size %d: marks are left after take", size)
		}
	}
}
