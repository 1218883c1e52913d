package meter_test

import (
	"github.com/tenantedge/tenantedge/edge/internal/wasm"
)

// writer returns a module whose functions write to memory in many ways. data decides how:
// any bytes result in a valid module. The export run takes two numbers, which it uses as
// addresses.
func writer(data []byte) []byte {
	m := &wasm.Module{}
	two := wasm.Func(m.Types.Add(wasm.Type{Params: []wasm.ValType{wasm.I32, wasm.I32}}))
	m.Memories.Add(wasm.Memory{Limits: wasm.Limits{Min: 2}})
	m.Tables.Add(wasm.Table{Type: wasm.FuncRef, Limits: wasm.Limits{Min: 2}})
	for _, g := range []struct {
		t    wasm.ValType
		init wasm.Expr
	}{{wasm.I32, wasm.I32Const(66000)}, {wasm.I32, wasm.I32Const(3000)}, {wasm.I64, wasm.I64Const(70000)}} {
		m.Globals.Add(wasm.Global{GlobalType: wasm.GlobalType{Type: g.t, Mutable: true}, Init: g.init})
	}
	const functions = 4
	for range functions {
		m.Functions.Add(two)
	}
	m.Exports.Add(wasm.Export{Name: "run", Kind: wasm.KindFunc, Index: 0})
	m.Elements.Add(wasm.Element{Type: wasm.FuncRef, Offset: wasm.I32Const(0), Funcs: []uint32{1, 3}})
	m.Data.Add(wasm.Data{Mode: wasm.Passive, Bytes: []byte("a passive segment, which memory.init copies")})
	m.DataCount.Set(1)
	c := &choices{data: data}
	for range functions {
		// Locals: 0 to 4 are i32, 5 and 6 i64, 7 v128.
		w := &scribe{choices: c, asm: []byte{3, 3, wasm.I32, 2, wasm.I64, 1, wasm.V128}, functions: functions}
		for range 12 {
			w.statement()
		}
		m.Code.Add(wasm.Body{Bytes: append(w.asm, byte(wasm.OpEnd))})
	}
	return m.Encode()
}

// choices reads decisions from bytes; when they end, all are 0.
type choices struct{ data []byte }

func (c *choices) n(n int) int {
	if len(c.data) == 0 {
		return 0
	}
	b := c.data[0]
	c.data = c.data[1:]
	return int(b) % n
}

func (c *choices) of(all ...uint32) uint32 { return all[c.n(len(all))] }

// scribe is a function's body under construction.
type scribe struct {
	*choices
	asm       []byte
	depth     int // of open blocks
	functions int
}

func (w *scribe) op(b ...byte) { w.asm = append(w.asm, b...) }

func (w *scribe) index(op wasm.Opcode, i uint32) {
	w.asm = wasm.AppendU32(append(w.asm, byte(op)), i)
}

func (w *scribe) i32(v uint32) {
	w.asm = wasm.AppendS32(append(w.asm, byte(wasm.OpI32Const)), int32(v))
}
func (w *scribe) i64(v uint32) {
	w.asm = wasm.AppendS64(append(w.asm, byte(wasm.OpI64Const)), int64(int32(v)))
}

func (w *scribe) distance() uint32 {
	if w.n(40) == 39 {
		return w.of(65535, 1<<31)
	}
	return w.of(1, 4, 8, 16, 24, 100, 248, 256, 260, 1000, 1016, 1024, 4096, 1<<32-8)
}

func (w *scribe) offset() uint32 {
	if w.n(40) == 39 {
		return w.of(65532, 1<<32-1, 1<<32-16)
	}
	return w.of(0, 0, 0, 1, 4, 8, 16, 48, 120, 200, 255, 256, 1020)
}

func (w *scribe) local32() uint32 { return uint32(w.n(5)) }
func (w *scribe) local64() uint32 { return 5 + uint32(w.n(2)) }

// address pushes an i32.
func (w *scribe) address() {
	switch w.n(12) {
	case 0, 1, 2:
		w.index(wasm.OpLocalGet, w.local32())
	case 3, 4:
		w.index(wasm.OpGlobalGet, uint32(w.n(2)))
	case 5:
		w.i32(w.of(0, 8, 1020, 1024, 65530, 65536, 131068, 131072, 1<<32-4))
	case 6:
		w.address()
		w.i32(w.distance())
		w.op(byte(wasm.OpI32Add))
	case 7:
		w.address()
		w.i32(w.distance())
		w.op(byte(wasm.OpI32Sub))
		w.index(wasm.OpLocalTee, w.local32())
	case 8:
		w.wide()
		w.op(byte(wasm.OpI32WrapI64))
	case 9:
		w.address()
		w.op(byte(wasm.OpI32Load), 0, 0)
		w.i32(0x1ffff)
		w.op(byte(wasm.OpI32And))
	case 10:
		w.address()
		w.address()
		w.op(byte(wasm.OpI32Add))
	default:
		w.address()
		w.index(wasm.OpLocalTee, w.local32())
	}
}

// inside pushes an address that is in the memory, most of the time.
func (w *scribe) inside() {
	w.address()
	if w.n(8) > 0 {
		w.i32(0x1ffff)
		w.op(byte(wasm.OpI32And))
	}
}

// wide pushes an i64.
func (w *scribe) wide() {
	switch w.n(6) {
	case 0, 1:
		w.index(wasm.OpLocalGet, w.local64())
	case 2:
		w.address()
		w.op(byte(wasm.OpI64ExtendU))
	case 3:
		w.address()
		w.op(byte(wasm.OpI64ExtendS))
	case 4:
		w.wide()
		w.i64(w.distance())
		w.op(byte(wasm.OpI64Add))
	default:
		w.index(wasm.OpGlobalGet, 2)
	}
}

func (w *scribe) memarg(align uint32) {
	w.asm = wasm.AppendU32(w.asm, align)
	w.asm = wasm.AppendU32(w.asm, w.offset())
}

// store writes a value of any type.
func (w *scribe) store() {
	switch w.n(12) {
	case 0, 1:
		w.address()
		w.wide()
		w.op(byte(wasm.OpI64Store))
	case 2, 3:
		w.address()
		w.address()
		w.op(byte(wasm.OpI32Store))
	case 4:
		w.address()
		w.address()
		w.op(byte(w.of(uint32(wasm.OpI32Store8), uint32(wasm.OpI32Store16))))
		w.memarg(0)
		return
	case 5:
		w.address()
		w.wide()
		w.op(byte(w.of(uint32(wasm.OpI64Store8), uint32(wasm.OpI64Store16), uint32(wasm.OpI64Store32))))
		w.memarg(0)
		return
	case 6:
		w.address()
		w.op(byte(wasm.OpF32Const), 1, 2, 3, 4, byte(wasm.OpF32Store))
	case 7:
		w.address()
		w.op(byte(wasm.OpF64Const), 1, 2, 3, 4, 5, 6, 7, 8, byte(wasm.OpF64Store))
	case 8, 9:
		w.address()
		w.index(wasm.OpLocalGet, 7)
		w.op(0xfd, 11)
	default:
		w.address()
		w.index(wasm.OpLocalGet, 7)
		lane := byte(w.n(4))
		w.op(0xfd, 88+lane)
		w.memarg(0)
		w.op(lane % 2)
		return
	}
	w.memarg(0)
}

const maxDepth = 5

// statement appends code that leaves the operand stack as it was.
func (w *scribe) statement() {
	switch k := w.n(24); {
	case k < 8:
		w.store()
	case k < 10:
		w.inside()
		w.index(wasm.OpLocalSet, w.local32())
	case k == 10:
		w.inside()
		w.op(byte(wasm.OpI64ExtendU))
		w.index(wasm.OpLocalSet, w.local64())
	case k == 11:
		w.inside()
		w.index(wasm.OpGlobalSet, uint32(w.n(2)))
	case k == 12:
		w.index(wasm.OpGlobalGet, 0)
		w.i32(w.of(8, 16, 128, 1024))
		w.op(byte(wasm.OpI32Sub))
		w.index(wasm.OpLocalTee, 2)
		w.index(wasm.OpGlobalSet, 0)
	case k < 17 && w.depth < maxDepth:
		w.block(k)
	case k == 17 && w.depth > 0:
		w.index(wasm.OpBr, uint32(w.n(w.depth+1)))
	case k == 18:
		w.address()
		w.index(wasm.OpBrIf, uint32(w.n(w.depth+1)))
	case k == 19:
		w.address()
		w.op(byte(wasm.OpBrTable), 2, byte(w.n(w.depth+1)), byte(w.n(w.depth+1)), byte(w.n(w.depth+1)))
	case k == 20:
		w.address()
		w.address()
		if w.n(3) == 0 {
			w.i32(w.of(0, 1))
			w.op(byte(wasm.OpCallIndirect), 0, 0)
		} else {
			w.index(wasm.OpCall, uint32(w.n(w.functions)))
		}
	case k == 21:
		w.bulk()
	case k == 22:
		w.i32(w.of(0, 1, 1, 100))
		w.op(byte(wasm.OpMemoryGrow), 0, byte(wasm.OpDrop))
	default:
		w.op(byte(wasm.OpNop))
	}
}

// block appends a block, a loop or an if.
func (w *scribe) block(k int) {
	const nothing = 0x40
	w.depth++
	defer func() { w.depth-- }()
	statements := func() {
		for range 1 + w.n(5) {
			w.statement()
		}
	}
	switch k {
	case 13:
		w.op(byte(wasm.OpBlock), nothing)
		statements()
	case 14:
		w.op(byte(wasm.OpLoop), nothing)
		statements()
		w.address()
		w.index(wasm.OpBrIf, 0)
	default:
		w.address()
		w.op(byte(wasm.OpIf), nothing)
		statements()
		if k == 16 {
			w.op(byte(wasm.OpElse))
			statements()
		}
	}
	w.op(byte(wasm.OpEnd))
}

// bulk appends an operation on many bytes.
func (w *scribe) bulk() {
	w.address()
	kind := w.n(3)
	if kind == 2 {
		w.i32(w.of(0, 3))
	} else {
		w.address()
	}
	w.i32(w.of(0, 1, 7, 20, 1024, 1025, 5000, 1<<32-1, 1<<32-1024))
	switch kind {
	case 0:
		w.op(0xfc, 11, 0)
	case 1:
		w.op(0xfc, 10, 0, 0)
	default:
		w.op(0xfc, 8, 0, 0)
	}
}
