package meter_test

import (
	"github.com/tenantedge/tenantedge/edge/internal/wasm"
)

// The functions of a writer, and the locals of each: two parameters, then the others.
const (
	functions = 5
	locals32  = 5 // numbers 0 to 4
	locals64  = 2 // 5 and 6
	vector    = 7
	counter   = 8 // of loops, by depth
	maxDepth  = 5
)

// The types of functions and blocks.
const (
	typeFunction = iota // (i32, i32) -> i32
	typeThrough         // (i32) -> i32
)

// writer returns a module that writes to memory in many ways. data decides how: any bytes
// result in a valid module. Its exports take two numbers, which they use as addresses.
// Most addresses are in the memory, most loops end and most branches are taken half of the
// time, so that much of the code runs.
func writer(data []byte) []byte {
	m := &wasm.Module{}
	i32 := []wasm.ValType{wasm.I32}
	f := wasm.Func(m.Types.Add(wasm.Type{Params: []wasm.ValType{wasm.I32, wasm.I32}, Results: i32}))
	m.Types.Add(wasm.Type{Params: i32, Results: i32})
	m.Memories.Add(wasm.Memory{Limits: wasm.Limits{Min: 2}})
	m.Tables.Add(wasm.Table{Type: wasm.FuncRef, Limits: wasm.Limits{Min: functions}})
	for _, g := range []struct {
		t    wasm.ValType
		init wasm.Expr
	}{{wasm.I32, wasm.I32Const(66000)}, {wasm.I32, wasm.I32Const(50000)}, {wasm.I64, wasm.I64Const(70000)}} {
		m.Globals.Add(wasm.Global{GlobalType: wasm.GlobalType{Type: g.t, Mutable: true}, Init: g.init})
	}
	all := wasm.Element{Type: wasm.FuncRef, Offset: wasm.I32Const(0)}
	c := &choices{data: data}
	for n := range uint32(functions) {
		m.Functions.Add(f)
		m.Exports.Add(wasm.Export{Name: string('a' + rune(n)), Kind: wasm.KindFunc, Index: n})
		all.Funcs = append(all.Funcs, n)
		w := &scribe{choices: c, asm: []byte{4, locals32 - 2, wasm.I32, locals64, wasm.I64, 1, wasm.V128, maxDepth + 1, wasm.I32}, number: n, results: []bool{true}}
		w.begin()
		for range 10 {
			w.statement()
		}
		w.address()
		m.Code.Add(wasm.Body{Bytes: append(w.asm, byte(wasm.OpEnd))})
	}
	m.Elements.Add(all)
	m.Data.Add(wasm.Data{Mode: wasm.Passive, Bytes: []byte("a passive segment, which memory.init copies")})
	m.DataCount.Set(1)
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
	asm     []byte
	number  uint32 // of the function
	results []bool // of open blocks: a branch to it takes an i32
	nested  int    // depth of statements
}

func (w *scribe) op(b ...byte) { w.asm = append(w.asm, b...) }

func (w *scribe) index(op wasm.Opcode, i uint32) {
	w.asm = wasm.AppendU32(append(w.asm, byte(op)), i)
}

func (w *scribe) i32(v uint32) {
	w.asm = wasm.AppendS32(append(w.asm, byte(wasm.OpI32Const)), int32(v))
}

func (w *scribe) i64(v uint32, high uint32) {
	w.asm = wasm.AppendS64(append(w.asm, byte(wasm.OpI64Const)), int64(uint64(high)<<32|uint64(v)))
}

func (w *scribe) local32() uint32 { return uint32(w.n(locals32)) }
func (w *scribe) local64() uint32 { return locals32 + uint32(w.n(locals64)) }

// begin gives the locals values that are addresses in the memory.
func (w *scribe) begin() {
	for i := range uint32(locals32 + locals64) {
		switch {
		case i < 2:
			w.index(wasm.OpLocalGet, i)
			w.inside()
		case i < locals32:
			w.i32(w.constant())
		default:
			w.i64(w.constant(), w.of(0, 1, 1<<32-1))
		}
		w.index(wasm.OpLocalSet, i)
	}
}

func (w *scribe) distance() uint32 {
	if w.n(250) == 249 {
		return w.of(65535, 1<<31, 1<<31-1)
	}
	return w.of(1, 4, 8, 16, 24, 100, 200, 248, 256, 260, 1000, 1016, 1024, 4096, 1<<32-8, 1<<32-200)
}

func (w *scribe) offset() uint32 {
	if w.n(250) == 249 {
		return w.of(65532, 1<<32-1, 1<<32-16)
	}
	return w.of(0, 0, 0, 1, 4, 8, 16, 48, 120, 200, 255, 256, 1020)
}

// constant returns an address near the border of two grains, or anywhere.
func (w *scribe) constant() uint32 {
	if w.n(250) == 249 {
		return w.of(0, 8, 131068, 131072, 1<<32-4, 1<<32-1024)
	}
	return uint32(w.n(127))*1024 + w.of(0, 1, 8, 1000, 1020, 1023)
}

// address pushes an i32.
func (w *scribe) address() {
	switch k := w.n(24); {
	case k < 6 || k >= 22:
		w.index(wasm.OpLocalGet, w.local32())
	case k < 8:
		w.index(wasm.OpGlobalGet, uint32(w.n(2)))
	case k == 8:
		w.i32(w.constant())
	case k < 11:
		w.address()
		w.i32(w.distance())
		w.op(byte(wasm.OpI32Add))
	case k == 11:
		w.address()
		w.i32(w.distance())
		w.op(byte(wasm.OpI32Sub))
	case k == 12:
		w.wide()
		w.op(byte(wasm.OpI32WrapI64))
	case k == 13:
		w.address()
		w.op(byte(wasm.OpI32Load), 0, 0)
		w.inside()
	case k == 14:
		w.address()
		w.address()
		w.op(byte(w.of(uint32(wasm.OpI32Add), uint32(wasm.OpI32Sub), 0x6c, 0x74)))
		w.inside()
	case k == 15:
		w.address()
		w.op(byte(w.of(0xc0, 0xc1))) // i32.extend8_s, i32.extend16_s
		if w.n(3) > 0 {
			w.inside()
		}
	case k == 16:
		w.address()
		w.address()
		w.condition()
		w.op(byte(wasm.OpSelect))
	case k < 20 && w.nested < maxDepth:
		w.address()
		w.block(typeThrough)
	default:
		w.address()
		w.index(wasm.OpLocalTee, w.local32())
	}
}

// inside moves the address on the stack into the memory, close to the end of a grain, most
// of the time.
func (w *scribe) inside() {
	if w.n(250) < 249 {
		w.i32(0xfc07)
		w.op(byte(wasm.OpI32And))
		w.i32(32760)
		w.op(byte(wasm.OpI32Add))
	}
}

// condition pushes a number that is 0 half of the time.
func (w *scribe) condition() {
	w.index(wasm.OpLocalGet, w.local32())
	w.i32(w.of(0, 1, 2, 3, 5, 10))
	w.op(0x76) // i32.shr_u
	w.i32(1)
	w.op(byte(wasm.OpI32And))
}

// wide pushes an i64.
func (w *scribe) wide() {
	switch w.n(8) {
	case 0, 1:
		w.index(wasm.OpLocalGet, w.local64())
	case 2:
		w.address()
		w.op(byte(wasm.OpI64ExtendU))
	case 3:
		w.address()
		w.op(byte(wasm.OpI64ExtendS))
	case 4, 5:
		w.wide()
		w.i64(w.distance(), w.of(0, 1, 1<<32-1))
		w.op(byte(w.of(uint32(wasm.OpI64Add), uint32(wasm.OpI64Sub))))
	case 6:
		w.wide()
		w.op(byte(w.of(0xc3, 0xc4))) // i64.extend16_s, i64.extend32_s
		w.i64(0xffff, 0)
		w.op(0x83) // i64.and
		w.i64(32760, 0)
		w.op(byte(wasm.OpI64Add))
	default:
		w.index(wasm.OpGlobalGet, 2)
	}
}

func (w *scribe) memarg() {
	w.asm = wasm.AppendU32(append(w.asm, 0), w.offset())
}

// store writes a value of any type to an address that is on the stack.
func (w *scribe) store() {
	switch w.n(12) {
	case 0, 1:
		w.wide()
		w.op(byte(w.of(uint32(wasm.OpI64Store), uint32(wasm.OpI64Store8), uint32(wasm.OpI64Store16), uint32(wasm.OpI64Store32))))
	case 2:
		w.op(byte(wasm.OpF32Const), 1, 2, 3, 4, byte(wasm.OpF32Store))
	case 3:
		w.op(byte(wasm.OpF64Const), 1, 2, 3, 4, 5, 6, 7, 8, byte(wasm.OpF64Store))
	case 4, 5:
		w.index(wasm.OpLocalGet, vector)
		w.op(0xfd, 11)
	case 6:
		w.index(wasm.OpLocalGet, vector)
		lane := byte(w.n(4))
		w.op(0xfd, 88+lane)
		w.memarg()
		w.op(lane % 2)
		return
	default:
		w.address()
		w.op(byte(w.of(uint32(wasm.OpI32Store), uint32(wasm.OpI32Store), uint32(wasm.OpI32Store8), uint32(wasm.OpI32Store16))))
	}
	w.memarg()
}

// statement appends code that leaves the operand stack as it was.
func (w *scribe) statement() {
	w.nested++
	defer func() { w.nested-- }()
	switch k := w.n(32); {
	case k < 10:
		w.address()
		w.store()
	case k < 13:
		w.address()
		w.index(wasm.OpLocalSet, w.local32())
	case k < 15:
		w.address()
		w.inside()
		w.index(wasm.OpLocalSet, w.local32())
	case k == 15:
		w.wide()
		w.index(wasm.OpLocalSet, w.local64())
	case k == 16: // a frame of the stack, or another stack
		w.index(wasm.OpGlobalGet, 0)
		w.i32(w.of(8, 16, 128, 1024, 1<<32-16, 1<<32-128))
		w.op(byte(wasm.OpI32Sub))
		w.index(wasm.OpLocalTee, 2)
		w.index(wasm.OpGlobalSet, uint32(w.n(2)))
	case k == 17:
		w.address()
		w.inside()
		w.index(wasm.OpGlobalSet, uint32(w.n(2)))
	case k < 24 && w.nested < maxDepth:
		w.block(noType)
	case k == 24 && w.nested < maxDepth: // an operand that stays on the stack
		w.address()
		w.statement()
		w.store()
	case k < 27:
		w.branch()
	case k == 27 && (w.number+1 < functions || w.n(10) == 9):
		w.address()
		w.address()
		next := min(w.number+1+uint32(w.n(functions)), functions-1)
		if w.n(3) == 0 {
			w.i32(next)
			w.op(byte(wasm.OpCallIndirect), typeFunction, 0)
		} else {
			w.index(wasm.OpCall, next)
		}
		w.index(wasm.OpLocalSet, w.local32())
	case k < 30:
		w.bulk()
	case k == 30 && w.n(4) == 3:
		w.i32(w.of(0, 1, 1, 100))
		w.op(byte(wasm.OpMemoryGrow), 0, byte(wasm.OpDrop))
	case k == 31 && w.nested < maxDepth: // the same address, unless the block changes it
		local := w.local32()
		w.index(wasm.OpLocalGet, local)
		w.store()
		w.index(wasm.OpLocalGet, local)
		w.block(typeThrough)
		w.store()
	default:
		w.op(byte(wasm.OpNop))
	}
}

// branch appends a jump, after which code is rarely dead.
func (w *scribe) branch() {
	target := uint32(w.n(len(w.results)))
	takes := w.results[len(w.results)-1-int(target)]
	if takes {
		w.address()
	}
	switch k := w.n(50); {
	case k < 42:
		w.condition()
		w.index(wasm.OpBrIf, target)
		if takes {
			w.index(wasm.OpLocalSet, w.local32())
		}
	case k < 45:
		w.index(wasm.OpBr, target)
	case k < 48:
		w.condition()
		w.op(byte(wasm.OpBrTable), 1, byte(target), byte(target))
	case k == 48 && !takes:
		w.address()
		w.op(byte(wasm.OpReturn))
	default:
		if takes {
			w.op(byte(wasm.OpDrop))
		}
		w.condition()
		w.op(byte(wasm.OpIf), noType, byte(wasm.OpUnreachable), byte(wasm.OpEnd))
	}
}

const noType = 0x40

// block appends a block, a loop or an if. Of typeThrough it takes an address from the stack,
// and leaves one there.
func (w *scribe) block(t byte) {
	w.nested++
	through := t == typeThrough
	open := func(op wasm.Opcode, result bool) {
		w.op(byte(op), t)
		w.results = append(w.results, result)
	}
	end := func() {
		w.op(byte(wasm.OpEnd))
		w.results = w.results[:len(w.results)-1]
	}
	body := func() {
		if through && w.n(2) == 0 {
			w.index(wasm.OpLocalTee, w.local32())
		}
		for range 1 + w.n(4) {
			w.statement()
		}
		switch k := w.n(3); {
		case through && k == 0:
			w.i32(w.distance())
			w.op(byte(wasm.OpI32Add))
		case through && k == 1:
			w.op(byte(wasm.OpDrop))
			w.index(wasm.OpLocalGet, w.local32())
		}
	}
	switch w.n(4) {
	case 0:
		open(wasm.OpBlock, through)
		body()
		end()
	case 1: // a loop of a few rounds, after a block that each round may leave
		count := uint32(counter + w.nested)
		w.i32(2 + uint32(w.n(4)))
		w.index(wasm.OpLocalSet, count)
		open(wasm.OpBlock, through)
		open(wasm.OpLoop, through)
		w.index(wasm.OpLocalGet, count)
		w.i32(1)
		w.op(byte(wasm.OpI32Sub))
		w.index(wasm.OpLocalTee, count)
		w.op(0x45) // i32.eqz
		w.index(wasm.OpBrIf, 1)
		body()
		for range w.n(3) { // the next round writes elsewhere
			local := w.local32()
			w.index(wasm.OpLocalGet, local)
			w.i32(w.of(1024, 3072, 1<<32-1024))
			w.op(byte(wasm.OpI32Add))
			w.index(wasm.OpLocalSet, local)
		}
		w.index(wasm.OpBr, 0)
		end()
		end()
	default:
		w.condition()
		open(wasm.OpIf, through)
		body()
		if w.n(2) == 0 {
			w.op(byte(wasm.OpElse))
			body()
		}
		end()
	}
	w.nested--
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
	w.i32(w.of(0, 1, 7, 20, 20, 300, 1024, 1025, 1<<32-1, 1<<32-1024))
	switch kind {
	case 0:
		w.op(0xfc, 11, 0)
	case 1:
		w.op(0xfc, 10, 0, 0)
	default:
		w.op(0xfc, 8, 0, 0)
	}
}
