package wasm_test

import (
	"fmt"
	"testing"

	"github.com/tenantedge/tenantedge/edge/internal/wasm"
	"github.com/tenantedge/tenantedge/edge/internal/wasm/wasmtest"
)

func TestInstructionsGiveTheirRangesAndIndices(t *testing.T) {
	code := "02 40" + // block
		"41 80 80 00" + // i32.const 0, in more bytes than needed
		"0e 01 00 01" + // br_table 0 1
		"0b" + // end
		"11 85 00 07" + // call_indirect type 5 table 7
		"fc 0a 00 00" + // memory.copy
		"fd 8e 01" + // i16x8.add
		"fd 15 03" // i8x16.extract_lane_s 3
	m, err := wasm.Decode(body(t, code))
	if err != nil {
		t.Fatal(err)
	}
	want := []string{
		"block 0..2 imm 1 depth 2", "i32.const 2..6 imm 3 depth 2", "br_table 6..10 imm 7 depth 2", "end 10..11 imm 11 depth 1",
		"call_indirect 11..15 imm 12 depth 1", "memory.copy 15..19 imm 17 depth 1", "fd08e 19..22 imm 22 depth 1",
		"fd015 22..25 imm 24 depth 1", "end 25..26 imm 26 depth 0",
	}
	names := map[wasm.Opcode]string{wasm.OpBlock: "block", wasm.OpI32Const: "i32.const", wasm.OpBrTable: "br_table", wasm.OpEnd: "end",
		wasm.OpCallIndirect: "call_indirect", wasm.OpMemoryCopy: "memory.copy"}
	it := m.Code.At(0).Instructions()
	i := 0
	for in := (wasm.Instruction{}); it.Next(&in); i++ {
		name, ok := names[in.Op]
		if !ok {
			name = fmt.Sprintf("%x", uint32(in.Op))
		}
		if got := fmt.Sprintf("%s %d..%d imm %d depth %d", name, in.Start, in.End, in.Imm, it.Depth()); got != want[i] {
			t.Errorf("instruction %d: got %s, want %s", i, got, want[i])
		}
		switch in.Op {
		case wasm.OpCallIndirect:
			if in.Index != 5 || in.Index2 != 7 {
				t.Errorf("call_indirect has indices %d and %d", in.Index, in.Index2)
			}
		case wasm.OpBlock:
			if in.Index != wasm.NoIndex {
				t.Errorf("block has type index %d", in.Index)
			}
		case wasm.OpBrTable:
			labels := it.Labels(&in)
			for want := range uint32(2) {
				if got, ok := labels.Next(); !ok || got != want {
					t.Errorf("label is %d, %v, want %d", got, ok, want)
				}
			}
			if _, ok := labels.Next(); ok {
				t.Error("more labels than there are")
			}
		}
	}
	if it.Err() != nil || i != len(want) {
		t.Errorf("%d instructions, %v", i, it.Err())
	}
}

func TestWalkMakesNoGarbage(t *testing.T) {
	m, err := wasm.Decode(wasmtest.Kernels)
	if err != nil {
		t.Fatal(err)
	}
	if n := testing.AllocsPerRun(10, func() {
		if _, err := walk(m); err != nil {
			t.Error(err)
		}
	}); n != 0 {
		t.Errorf("%v allocations", n)
	}
}
