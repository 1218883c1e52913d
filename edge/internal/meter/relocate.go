package meter

import "github.com/tenantedge/tenantedge/edge/internal/wasm"

// relocate moves the first functions with a body after all others, and updates the
// references to them outside of code.
func (w *rewriter) relocate() {
	for range w.moves {
		w.m.Functions.MoveToEnd(0)
		w.m.Code.MoveToEnd(0)
	}
	for i, e := range w.m.Exports.All() {
		if e.Kind == wasm.KindFunc && w.index(e.Index) != e.Index {
			e.Index = w.index(e.Index)
			w.m.Exports.Set(i, e)
		}
	}
	for i, g := range w.m.Globals.All() {
		if f, ok := g.Init.RefFunc(); ok && w.index(f) != f {
			g.Init = wasm.RefFunc(w.index(f))
			w.m.Globals.Set(i, g)
		}
	}
	for i, e := range w.m.Elements.All() {
		if w.relocateElement(&e) {
			w.m.Elements.Set(i, e)
		}
	}
}

func (w *rewriter) relocateElement(e *wasm.Element) (changed bool) {
	for i, f := range e.Funcs {
		if w.index(f) != f {
			e.Funcs[i], changed = w.index(f), true
		}
	}
	for i, x := range e.Exprs {
		if f, ok := x.RefFunc(); ok && w.index(f) != f {
			e.Exprs[i], changed = wasm.RefFunc(w.index(f)), true
		}
	}
	return changed
}

// addFunctions adds the imports and the meter's own functions.
func (w *rewriter) addFunctions() {
	i32, i64 := []wasm.ValType{wasm.I32}, []wasm.ValType{wasm.I64}
	refill := w.m.Types.Add(wasm.Type{Params: i64, Results: i64})
	w.m.Imports.Add(wasm.Import{Module: ImportModule, Name: ImportRefill, Kind: wasm.KindFunc, Type: uint32(refill)})
	span := w.m.Types.Add(wasm.Type{Params: []wasm.ValType{wasm.I32, wasm.I32}})
	if w.track {
		w.m.Imports.Add(wasm.Import{Module: MarkModule, Name: ImportMark, Kind: wasm.KindFunc, Type: uint32(span)})
	}
	nothing := wasm.Func(w.m.Types.Add(wasm.Type{}))
	size := wasm.Func(w.m.Types.Add(wasm.Type{Params: i32, Results: i32}))
	three := []wasm.ValType{wasm.I32, wasm.I32, wasm.I32}
	operands := wasm.Func(w.m.Types.Add(wasm.Type{Params: three, Results: three}))
	add := func(t wasm.Func, body []byte) {
		w.m.Functions.Add(t)
		w.m.Code.Add(wasm.Body{Bytes: body})
	}
	add(nothing, w.checkBody())
	add(size, w.growBody())
	for _, op := range []wasm.Opcode{wasm.OpMemoryInit, wasm.OpMemoryFill, wasm.OpMemoryCopy} {
		add(operands, w.bulkBody(op))
	}
	if w.track {
		add(wasm.Func(span), w.touchBody())
		add(nothing, w.flushBody())
	}
	w.addKept()
}
