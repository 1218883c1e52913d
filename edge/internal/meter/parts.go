package meter

import "github.com/tenantedge/tenantedge/edge/internal/wasm"

// part is the number of bytes that memory.fill and memory.copy process at once. The
// engine does not stop within one, and the first access to a page takes 20 to 100 µs
// if the kernel has to allocate it: 60 MiB took 3 s, during which no deadline was
// checked and no garbage collection could begin.
const part = 128 << 10

// bulkBody is called before an operation on n bytes, with its operands, and returns the
// operands. It charges for all bytes, and marks them. Of memory.fill and memory.copy,
// it performs all parts except the last, with a call of refill after each, and returns
// the operands for the last. If the range is out of bounds, it leaves all of it to the
// operation, which traps before it writes anything.
func (w *rewriter) bulkBody(op wasm.Opcode) []byte {
	const to, from, n = 0, 1, 2 // from: the value of memory.fill
	a := w.appendBulk(asm{0}, n)
	if w.track {
		a = w.appendTouchBytes(a, to, n)
	}
	if w.m.Memories.Len() > 0 && op != wasm.OpMemoryInit {
		a = append(a.op(wasm.OpBlock), noResult)
		a = a.index(wasm.OpLocalGet, n).i32(part).op(wasm.OpI32LeU).index(wasm.OpBrIf, 0)
		a = a.unlessInside(to, n)
		if op == wasm.OpMemoryCopy {
			a = a.unlessInside(from, n)
		}
		a = append(a.op(wasm.OpLoop), noResult)
		if op == wasm.OpMemoryCopy {
			a = a.copyPart(to, from, n)
		} else {
			a = a.index(wasm.OpLocalGet, to).index(wasm.OpLocalGet, from).i32(part).onMemory(wasm.OpMemoryFill).advance(to, part)
		}
		a = a.advance(n, -part).index(wasm.OpCall, w.check)
		a = a.index(wasm.OpLocalGet, n).i32(part).op(wasm.OpI32GtU).index(wasm.OpBrIf, 0).op(wasm.OpEnd).op(wasm.OpEnd)
	}
	return a.index(wasm.OpLocalGet, to).index(wasm.OpLocalGet, from).index(wasm.OpLocalGet, n).op(wasm.OpEnd)
}

// copyPart copies the first part if the bytes move down, otherwise the last one, so
// that no byte is overwritten before it is read.
func (a asm) copyPart(to, from, n uint32) asm {
	last := func(at uint32) {
		a = a.index(wasm.OpLocalGet, at).index(wasm.OpLocalGet, n).op(wasm.OpI32Add).i32(part).op(wasm.OpI32Sub)
	}
	a = a.index(wasm.OpLocalGet, to).index(wasm.OpLocalGet, from).op(wasm.OpI32LeU).ifThen()
	a = a.index(wasm.OpLocalGet, to).index(wasm.OpLocalGet, from).i32(part).onMemory(wasm.OpMemoryCopy).advance(to, part).advance(from, part)
	a = a.op(wasm.OpElse)
	last(to)
	last(from)
	return a.i32(part).onMemory(wasm.OpMemoryCopy).op(wasm.OpEnd)
}

// unlessInside leaves a block unless n bytes at an address are within the memory.
func (a asm) unlessInside(at, n uint32) asm {
	a = a.index(wasm.OpLocalGet, at).op(wasm.OpI64ExtendU).index(wasm.OpLocalGet, n).op(wasm.OpI64ExtendU).op(wasm.OpI64Add)
	a = a.index(wasm.OpMemorySize, 0).op(wasm.OpI64ExtendU).i64(16).op(wasm.OpI64Shl)
	return a.op(wasm.OpI64GtU).index(wasm.OpBrIf, 0)
}

func (a asm) advance(local uint32, by int32) asm {
	return a.index(wasm.OpLocalGet, local).i32(uint32(by)).op(wasm.OpI32Add).index(wasm.OpLocalSet, local)
}

// onMemory appends an operation on memory 0.
func (a asm) onMemory(op wasm.Opcode) asm {
	if op == wasm.OpMemoryCopy {
		return append(a, 0xfc, 0x0a, 0, 0)
	}
	return append(a, 0xfc, 0x0b, 0)
}
