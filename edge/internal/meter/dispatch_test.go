package meter_test

import (
	"fmt"
	"testing"

	"github.com/tenantedge/tenantedge/edge/internal/meter"
	"github.com/tenantedge/tenantedge/edge/internal/wasm"
)

// dispatcher returns a module whose function run(start i32) i64 has the structure that
// Go's compiler gives functions with jumps: targets 0 to 2 append their number, from
// 1, and go to the target in next; target 3, which is also the default, returns the
// digits.
func dispatcher(next ...byte) []byte {
	code := []byte{1, 1, wasm.I64} // a local
	code = append(code,
		0x03, 0x40, // loop
		0x02, 0x40, 0x02, 0x40, 0x02, 0x40, 0x02, 0x40, // four blocks
		0x20, 0, // local.get of the target
		0x0e, 3, 0, 1, 2, 3, // br_table
		0x0b)
	for n := range byte(3) {
		code = append(code,
			0x20, 1, 0x42, 10, 0x7e, 0x42, n+1, 0x7c, 0x21, 1, // written = 10*written + n+1
			0x41, next[n], 0x21, 0, 0x0c, 3-n, // target = next; br to the loop
			0x0b)
	}
	code = append(code, 0x20, 1, 0x0f, 0x0b, 0x00, 0x0b) // return written
	m := &wasm.Module{}
	m.Types.Add(wasm.Type{Params: []wasm.ValType{wasm.I32}, Results: []wasm.ValType{wasm.I64}})
	m.Functions.Add(0)
	m.Exports.Add(wasm.Export{Name: "run"})
	m.Code.Add(wasm.Body{Bytes: code})
	return m.Encode()
}

func TestDispatchersJumpToTheSameTargets(t *testing.T) {
	for _, next := range [][]byte{{1, 2, 3}, {2, 3, 1}, {3, 0, 0}, {3, 0, 1}, {2, 3, 9}, {9, 3, 0}, {1, 3, 1}} {
		t.Run(fmt.Sprint(next), func(t *testing.T) {
			plain := mustGuest(t, dispatcher(next...))
			counted, _ := metered(t, dispatcher(next...), meter.Options{})
			for start := range uint64(6) {
				if want, got := plain.result("run", start), counted.result("run", start); got != want {
					t.Errorf("from %d: %d, want %d", start, got, want)
				}
			}
		})
	}
}

func TestJumpsForwardAreDirect(t *testing.T) {
	const header, place, last = 2, 9, 2
	for _, test := range []struct {
		name  string
		next  []byte
		start uint64
		want  uint64
	}{
		{"all forward", []byte{1, 2, 3}, 0, header + 3*place + last},
		{"one backward", []byte{3, 0, 1}, 1, header + place + header + place + last},
		{"two backward", []byte{3, 0, 1}, 2, header + place + header + place + header + place + last},
	} {
		g, _ := metered(t, dispatcher(test.next...), meter.Options{})
		g.result("run", test.start)
		if got := g.fuel.Get(); got != test.want {
			t.Errorf("%s: %d fuel, want %d", test.name, got, test.want)
		}
	}
}
