package meter

import (
	_ "embed"
	"fmt"
	"strings"
	"testing"

	"github.com/tenantedge/tenantedge/edge/internal/wasm"
)

//go:embed FUEL.md
var fuelDoc string

func TestWeightsAreThoseOfFUELmd(t *testing.T) {
	const imports = 5
	weigh := func(ops ...wasm.Opcode) (w uint64) {
		for _, op := range ops {
			if got := weight(&wasm.Instruction{Op: op, Index: imports}, imports); w != 0 && got != w {
				t.Errorf("opcode %#x weighs %d, others of its row %d", uint32(op), got, w)
			} else {
				w = got
			}
		}
		return w
	}
	for _, row := range []struct {
		text  string
		units uint64
	}{
		{"| `block`, `loop`, `else`, `end`, `nop` |", weigh(wasm.OpBlock, wasm.OpLoop, wasm.OpElse, wasm.OpEnd, wasm.OpNop)},
		{"| integer `div`, `rem`; float `div`, `sqrt`, SIMD too |", weigh(wasm.OpF32x4Div, wasm.OpF32x4Sqrt, wasm.OpF64x2Div, wasm.OpF64x2Sqrt, 0x6d, 0x6e, 0x6f, 0x70, 0x7f, 0x80, 0x81, 0x82, 0x91, 0x95, 0x9f, 0xa3)},
		{"| `call` of a function of the guest |", weigh(wasm.OpCall)},
		{"| `call_indirect` |", weigh(wasm.OpCallIndirect)},
		{"| `ref.func` |", weigh(wasm.OpRefFunc)},
		{"| `call` of an import |", weight(&wasm.Instruction{Op: wasm.OpCall, Index: imports - 1}, imports)},
		{"| `memory.fill`, `memory.copy`, `memory.init` |", weigh(wasm.OpMemoryFill, wasm.OpMemoryCopy, wasm.OpMemoryInit)},
		{"| `memory.grow` |", weigh(wasm.OpMemoryGrow)},
		{"| any other, of SIMD too |", weigh(wasm.OpUnreachable, wasm.OpBrTable, wasm.OpLocalGet, 0x6a, 0x6c, 0x71, 0xa2, wasm.OpV128Const, wasm.OpTableGet)},
	} {
		if line := fmt.Sprintf("%s %d |\n", row.text, row.units); !strings.Contains(fuelDoc, line) {
			t.Errorf("FUEL.md has no line %q", line)
		}
	}
	for _, text := range []string{
		fmt.Sprintf("# Fuel, version %d\n", Version),
		fmt.Sprintf("n / %d,", 1<<bulkShift),
		fmt.Sprintf("%d n,", 1<<pageShift),
		fmt.Sprintf("at most %d units that begins", smallest),
		fmt.Sprintf("one for every %d bytes", frameBytes),
		fmt.Sprintf("%d values that are moved", 1<<moveShift),
		fmt.Sprintf("%d units since the last check", longest),
		fmt.Sprintf("at most %d units after a call of a function", afterCall),
		fmt.Sprintf("%d,%03d unless configured otherwise", defaultMaxDepth/1000, defaultMaxDepth%1000),
	} {
		if !strings.Contains(fuelDoc, text) {
			t.Errorf("FUEL.md does not say %q", text)
		}
	}
}
