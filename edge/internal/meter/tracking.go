package meter

import "github.com/tenantedge/tenantedge/edge/internal/wasm"

// What the guest writes is known from two ranges, both in globals.
//
// Stores whose address derives from a global, as those to the stack of a compiler do,
// extend a range by what they write, from low up to high, without a branch. It is
// marked when the guest switches to another stack, and at the end of the call.
//
// Other stores compare their address with the window, which is a range that is marked
// already, and call touch if they are outside of it. It exchanges the window for the one
// before if they are in that, and otherwise marks the range and moves the window there.
const (
	// grain is the unit in which memory is marked, and the least size of the window, in
	// bytes.
	grain = 1024
	// empty is the start of an empty window. Its grain is at the end of what 32 bits
	// address, which no memory has, so no store there succeeds.
	empty = 1<<32 - grain
	// none is the value of low for an empty range, with 0 for high.
	none = 1<<32 - 1
	// last is the distance of the globals of the last window from those of the window.
	last = 2
)

// addTracking adds and exports the globals of these ranges.
func (w *rewriter) addTracking() (all []Global) {
	if !w.track {
		return nil
	}
	for i, value := range []uint32{none, 0, empty, grain, empty, grain} {
		name := []string{ExportLow, ExportHigh, reserved + "window", reserved + "size", reserved + "last", reserved + "lastsize"}[i]
		w.m.Globals.Add(wasm.Global{GlobalType: wasm.GlobalType{Type: wasm.I32, Mutable: true}, Init: wasm.I32Const(int32(value))})
		w.m.Exports.Add(wasm.Export{Name: name, Kind: wasm.KindGlobal, Index: w.low + uint32(i)})
		all = append(all, Global{Name: name, Type: wasm.I32, Window: true, Value: uint64(value)})
	}
	return all
}

// appendTouch appends the code of a group, before its first store, whose operands are
// on the stack.
func (w *rewriter) appendTouch(a asm, g *group) asm {
	w.touches++
	address := uint32(len(w.stores.locals))
	start, value := address+1, address+2+uint32(g.value-wasm.V128)
	a = a.index(wasm.OpLocalSet, value).index(wasm.OpLocalTee, address).index(wasm.OpLocalGet, address)
	if d := g.start - g.at; d != 0 {
		a = a.i32(d).op(wasm.OpI32Add)
	}
	a = a.index(wasm.OpLocalSet, start)
	if g.stack {
		a = a.extreme(start, w.low, wasm.OpI32LtU)
		a = a.index(wasm.OpLocalGet, start).i32(g.size).op(wasm.OpI32Add).index(wasm.OpLocalSet, start)
		a = a.extreme(start, w.high, wasm.OpI32GtU)
	} else {
		a = a.index(wasm.OpLocalGet, start).index(wasm.OpGlobalGet, w.window).op(wasm.OpI32Sub)
		a = a.index(wasm.OpGlobalGet, w.windowSize).i32(g.size).op(wasm.OpI32Sub).op(wasm.OpI32LeU).ifThen().op(wasm.OpElse)
		a = a.index(wasm.OpLocalGet, start).i32(g.size).index(wasm.OpCall, w.touch).op(wasm.OpEnd)
	}
	return a.index(wasm.OpLocalGet, value)
}

// extreme sets a global to a local if the local compares so with it.
func (a asm) extreme(local, global uint32, compare wasm.Opcode) asm {
	both := func(a asm) asm { return a.index(wasm.OpLocalGet, local).index(wasm.OpGlobalGet, global) }
	return both(both(a)).op(compare).op(wasm.OpSelect).index(wasm.OpGlobalSet, global)
}

// appendTouchBytes appends the check of n bytes at an address, both in locals.
func (w *rewriter) appendTouchBytes(a asm, at, n uint32) asm {
	a = a.index(wasm.OpLocalGet, at).index(wasm.OpGlobalGet, w.window).op(wasm.OpI32Sub).op(wasm.OpI64ExtendU)
	a = a.index(wasm.OpLocalGet, n).op(wasm.OpI64ExtendU).op(wasm.OpI64Add)
	a = a.index(wasm.OpGlobalGet, w.windowSize).op(wasm.OpI64ExtendU).op(wasm.OpI64LeU).ifThen().op(wasm.OpElse)
	return a.index(wasm.OpLocalGet, at).index(wasm.OpLocalGet, n).index(wasm.OpCall, w.touch).op(wasm.OpEnd)
}

// flushBody marks the range of stores to the stack, and empties it. If low is not below
// high, it contains at most the beginning of memory, which is always reset.
func (w *rewriter) flushBody() []byte {
	a := asm{0}.index(wasm.OpGlobalGet, w.low).index(wasm.OpGlobalGet, w.high).op(wasm.OpI32LtU).ifThen()
	a = a.index(wasm.OpGlobalGet, w.low).index(wasm.OpGlobalGet, w.high).index(wasm.OpGlobalGet, w.low).op(wasm.OpI32Sub).index(wasm.OpCall, w.mark()).op(wasm.OpEnd)
	a = a.i32(none).index(wasm.OpGlobalSet, w.low).i32(0).index(wasm.OpGlobalSet, w.high)
	return a.op(wasm.OpEnd)
}

// touchBody exchanges the window for the last one if n bytes at an address are in that.
// Otherwise it marks their grains. The window becomes their range, or is extended by it if
// they are adjacent.
func (w *rewriter) touchBody() []byte {
	const at, n, start, end = 0, 1, 2, 3
	a := asm{1, 2, wasm.I32}
	a = a.index(wasm.OpLocalGet, n).index(wasm.OpGlobalGet, w.windowSize+last).op(wasm.OpI32LeU)
	a = a.index(wasm.OpLocalGet, at).index(wasm.OpGlobalGet, w.window+last).op(wasm.OpI32Sub)
	a = a.index(wasm.OpGlobalGet, w.windowSize+last).index(wasm.OpLocalGet, n).op(wasm.OpI32Sub).op(wasm.OpI32LeU).op(wasm.OpI32And).ifThen()
	a = a.index(wasm.OpGlobalGet, w.window+last).index(wasm.OpGlobalGet, w.windowSize+last)
	a = w.keepWindow(a).index(wasm.OpGlobalSet, w.windowSize).index(wasm.OpGlobalSet, w.window).op(wasm.OpReturn).op(wasm.OpEnd)
	a = a.index(wasm.OpLocalGet, at).i32(empty).op(wasm.OpI32And).index(wasm.OpLocalTee, start)
	a = a.index(wasm.OpLocalGet, at).index(wasm.OpLocalGet, n).op(wasm.OpI32Add).i32(grain - 1).op(wasm.OpI32Add)
	a = a.i32(empty).op(wasm.OpI32And).index(wasm.OpLocalTee, end)
	a = a.index(wasm.OpLocalGet, start).op(wasm.OpI32Sub).index(wasm.OpCall, w.mark())
	// A range that continues at address 0 is no window.
	a = a.index(wasm.OpLocalGet, end).index(wasm.OpLocalGet, start).op(wasm.OpI32LeU).ifThen().op(wasm.OpReturn).op(wasm.OpEnd)
	windowEnd := func(a asm) asm {
		return a.index(wasm.OpGlobalGet, w.window).index(wasm.OpGlobalGet, w.windowSize).op(wasm.OpI32Add)
	}
	a = a.index(wasm.OpGlobalGet, w.window).index(wasm.OpLocalGet, end).op(wasm.OpI32LeU)
	a = windowEnd(a.index(wasm.OpLocalGet, start)).op(wasm.OpI32LeU).op(wasm.OpI32And).ifThen()
	a = a.index(wasm.OpGlobalGet, w.window).index(wasm.OpLocalGet, start).op(wasm.OpI32LtU).
		ifThen().index(wasm.OpGlobalGet, w.window).index(wasm.OpLocalSet, start).op(wasm.OpEnd)
	a = windowEnd(windowEnd(a).index(wasm.OpLocalGet, end).op(wasm.OpI32GtU).ifThen()).index(wasm.OpLocalSet, end).op(wasm.OpEnd)
	a = w.keepWindow(a.op(wasm.OpElse)).op(wasm.OpEnd)
	a = a.index(wasm.OpLocalGet, start).index(wasm.OpGlobalSet, w.window)
	a = a.index(wasm.OpLocalGet, end).index(wasm.OpLocalGet, start).op(wasm.OpI32Sub).index(wasm.OpGlobalSet, w.windowSize)
	return a.op(wasm.OpEnd)
}

// keepWindow makes the window the last one too.
func (w *rewriter) keepWindow(a asm) asm {
	a = a.index(wasm.OpGlobalGet, w.window).index(wasm.OpGlobalSet, w.window+last)
	return a.index(wasm.OpGlobalGet, w.windowSize).index(wasm.OpGlobalSet, w.windowSize+last)
}

// stackPointers returns for each global of the guest whether it may be a stack pointer.
func (w *rewriter) stackPointers() []bool {
	all := make([]bool, w.globals)
	first := w.globals - uint32(w.m.Globals.Len())
	for i, g := range w.m.Globals.All() {
		all[first+uint32(i)] = g.Mutable && g.Type == wasm.I32
	}
	return all
}
