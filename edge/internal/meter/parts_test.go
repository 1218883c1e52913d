package meter_test

import (
	"bytes"
	"math/rand/v2"
	"testing"

	"github.com/tenantedge/tenantedge/edge/internal/meter"
	"github.com/tenantedge/tenantedge/edge/internal/wasm"
)

// copies returns a guest with 1 MiB of memory and the exports fill(to, value, n)
// and copy(to, from, n).
func copies() []byte {
	m := &wasm.Module{}
	m.Memories.Add(wasm.Memory{Limits: wasm.Limits{Min: 16}})
	m.Exports.Add(wasm.Export{Name: "memory", Kind: wasm.KindMemory})
	t := wasm.Func(m.Types.Add(wasm.Type{Params: []wasm.ValType{wasm.I32, wasm.I32, wasm.I32}}))
	for _, e := range []struct {
		name string
		op   []byte
	}{{"fill", []byte{0xfc, 11, 0}}, {"copy", []byte{0xfc, 10, 0, 0}}} {
		m.Exports.Add(wasm.Export{Name: e.name, Index: uint32(m.Functions.Add(t))})
		m.Code.Add(wasm.Body{Bytes: append(append([]byte{0, 0x20, 0, 0x20, 1, 0x20, 2}, e.op...), 0x0b)})
	}
	return m.Encode()
}

// An operation on much memory is done in parts, with a call of refill after each, and
// has the same result.
func TestLargeOperationsAreDoneInParts_D3(t *testing.T) {
	const size, part = 1 << 20, 128 << 10
	g, _ := metered(t, copies(), meter.Options{Track: true})
	g.slice = plenty // so that refill is called only after parts
	memory, _ := g.mod.Memory().Read(0, size)
	random := rand.New(rand.NewPCG(1, 2))
	edges := []uint32{0, 1, 7, 4096, part - 1, part, part + 1, 2 * part, 3*part + 5, size - 1, size, size + 1, 1<<31 - 1, 1 << 31, 1<<32 - part, 1<<32 - 1}
	pick := func() uint32 {
		switch e := edges[random.IntN(len(edges))]; random.IntN(3) {
		case 0:
			return e
		case 1:
			return size - e%size
		default:
			return random.Uint32N(size)
		}
	}
	want := make([]byte, size)
	for range 3000 {
		for i := range 64 {
			want[random.IntN(size)] = byte(i)
		}
		copy(memory, want)
		name, to, from, n := "copy", pick(), pick(), pick()
		inside := uint64(to)+uint64(n) <= size
		if random.IntN(3) == 0 {
			name = "fill"
			if inside {
				copy(want[to:], bytes.Repeat([]byte{byte(from)}, int(n)))
			}
		} else if inside = inside && uint64(from)+uint64(n) <= size; inside {
			copy(want[to:to+n], want[from:from+n])
		}
		_, err := g.call(name, uint64(to), uint64(from), uint64(n))
		if (err == nil) != inside {
			t.Fatalf("%s(%d, %d, %d): %v", name, to, from, n, err)
		}
		if !bytes.Equal(memory, want) {
			t.Fatalf("%s(%d, %d, %d) leaves other bytes", name, to, from, n)
		}
		refills := 0
		if inside && n > 0 {
			refills = int(n-1) / part
		}
		if g.refills != refills {
			t.Fatalf("%s(%d, %d, %d) calls refill %d times, want %d", name, to, from, n, g.refills, refills)
		}
		if used := g.fuel.Get(); used < uint64(n)/8 || used > uint64(n)/8+16 {
			t.Fatalf("%s of %d bytes costs %d units", name, n, used)
		}
	}
	g.onRefill = func(uint64) bool { return false }
	if err := g.trap("fill", 0, 1, size); err != nil || memory[part-1] != 1 || memory[part] != want[part] {
		t.Errorf("an operation after its deadline returned %v, and its second part is done", err)
	}
}
