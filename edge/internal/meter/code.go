package meter

import "github.com/tenantedge/tenantedge/edge/internal/wasm"

// asm appends instructions.
type asm []byte

func (a asm) op(op wasm.Opcode) asm { return append(a, byte(op)) }

func (a asm) index(op wasm.Opcode, i uint32) asm { return wasm.AppendU32(append(a, byte(op)), i) }

func (a asm) i32(v uint32) asm {
	return wasm.AppendS32(append(a, byte(wasm.OpI32Const)), int32(v))
}

func (a asm) i64(v uint64) asm {
	return wasm.AppendS64(append(a, byte(wasm.OpI64Const)), int64(v))
}

const noResult = 0x40 // block type

func (a asm) ifThen() asm { return append(a, byte(wasm.OpIf), noResult) }

// appendCharge appends the charge and the check of a stretch.
func (w *rewriter) appendCharge(dst []byte, s stretch) []byte {
	a := asm(dst)
	if s.weight > 0 {
		w.charges++
		a = a.index(wasm.OpGlobalGet, w.fuel).i64(s.weight).op(wasm.OpI64Add).index(wasm.OpGlobalSet, w.fuel)
	}
	if s.check {
		w.checks++
		a = w.appendCheck(a)
	}
	return a
}

// appendCheck appends a comparison of fuel with the limit. The usual path is the
// then, which is empty, because wazero keeps values in the registers that they have
// at its end. The call, which clobbers all registers, is in the else. The other way
// round, loops run up to 10 % slower.
func (w *rewriter) appendCheck(a asm) asm {
	return a.index(wasm.OpGlobalGet, w.fuel).index(wasm.OpGlobalGet, w.limit).op(wasm.OpI64LtU).
		ifThen().op(wasm.OpElse).index(wasm.OpCall, w.check).op(wasm.OpEnd)
}

// appendEnter appends the count of a frame, and opens a block around the function's
// code, so that every exit passes the block's end.
func (w *rewriter) appendEnter(dst []byte, f frame, results []wasm.ValType) []byte {
	a := asm(dst).index(wasm.OpGlobalGet, w.depth).i32(f.weight()).op(wasm.OpI32Add).index(wasm.OpGlobalSet, w.depth)
	a = a.index(wasm.OpGlobalGet, w.depth).i32(w.maxDepth).op(wasm.OpI32GtU).ifThen().op(wasm.OpUnreachable).op(wasm.OpEnd)
	return w.appendBlockType(a.op(wasm.OpBlock), results)
}

// appendLeave appends the reverse, after the end of that block.
func (w *rewriter) appendLeave(dst []byte, f frame) []byte {
	return asm(dst).index(wasm.OpGlobalGet, w.depth).i32(f.weight()).op(wasm.OpI32Sub).index(wasm.OpGlobalSet, w.depth).op(wasm.OpEnd)
}

// appendBlockType appends the type of a block with the given results. More than one
// result need an entry in the type section.
func (w *rewriter) appendBlockType(dst []byte, results []wasm.ValType) []byte {
	switch len(results) {
	case 0:
		return append(dst, noResult)
	case 1:
		return append(dst, results[0])
	}
	i, ok := w.blocks[string(results)]
	if !ok {
		i = uint32(w.m.Types.Add(wasm.Type{Results: results}))
		w.blocks[string(results)] = i
	}
	return wasm.AppendS64(dst, int64(i))
}

// appendEdit appends the code of an edit, which replaces old or precedes it.
func (w *rewriter) appendEdit(dst []byte, f frame, e edit, old []byte) []byte {
	a := asm(dst)
	switch e.op {
	case wasm.OpReturn:
		if !f.counted() {
			return append(a, old...)
		}
		return a.index(wasm.OpBr, e.arg)
	case wasm.OpMemoryGrow:
		return a.index(wasm.OpCall, w.grow)
	case wasm.OpMemoryFill:
		return a.index(wasm.OpCall, w.fill)
	case wasm.OpMemoryCopy:
		return a.index(wasm.OpCall, w.copy)
	case wasm.OpMemoryInit:
		return a.index(wasm.OpCall, w.init)
	}
	if size, _ := stored(e.op); size > 0 {
		return w.appendTouch(a, &w.stores.groups[e.arg])
	}
	if e.op == wasm.OpGlobalSet {
		return a.index(wasm.OpCall, w.flush)
	}
	return a.index(e.op, e.arg)
}

// Bodies of the added functions. Their instructions are not charged for: the weight of
// the instructions that call them includes them.

// checkBody calls refill, and traps if the limit is not above the fuel.
func (w *rewriter) checkBody() []byte {
	a := asm{0}.index(wasm.OpGlobalGet, w.fuel).index(wasm.OpCall, w.imports).index(wasm.OpGlobalSet, w.limit)
	return a.index(wasm.OpGlobalGet, w.fuel).index(wasm.OpGlobalGet, w.limit).op(wasm.OpI64GeU).
		ifThen().op(wasm.OpUnreachable).op(wasm.OpEnd).op(wasm.OpEnd)
}

// appendBulk appends the charge for the number of bytes in a local.
func (w *rewriter) appendBulk(a asm, n uint32) asm {
	a = a.index(wasm.OpGlobalGet, w.fuel)
	return w.appendSpend(a.index(wasm.OpLocalGet, n).op(wasm.OpI64ExtendU).i64(bulkShift).op(wasm.OpI64ShrU))
}

// growBody charges for memory.grow by n pages. More pages than the guest's maximum
// always fail, and cost nothing.
func (w *rewriter) growBody() []byte {
	a := asm{0}.index(wasm.OpGlobalGet, w.fuel)
	a = a.i64(0).index(wasm.OpLocalGet, 0).op(wasm.OpI64ExtendU).i64(pageShift).op(wasm.OpI64Shl)
	a = a.index(wasm.OpLocalGet, 0).i32(w.maxMemory).op(wasm.OpI32GtU).op(wasm.OpSelect)
	return w.appendSpend(a).index(wasm.OpLocalGet, 0).op(wasm.OpEnd)
}

// appendSpend adds the i64 on the stack to the fuel below it, and checks.
func (w *rewriter) appendSpend(a asm) asm {
	return w.appendCheck(a.op(wasm.OpI64Add).index(wasm.OpGlobalSet, w.fuel))
}
