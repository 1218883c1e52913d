package meter

import "github.com/tenantedge/tenantedge/edge/internal/wasm"

// relocate moves the first function with a body after all others, and updates the
// references to it outside of code.
func (w *rewriter) relocate() {
	if w.m.Functions.Len() > 0 {
		w.m.Functions.MoveToEnd(0)
		w.m.Code.MoveToEnd(0)
	}
	for i, e := range w.m.Exports.All() {
		if e.Kind == wasm.KindFunc && e.Index == w.imports {
			e.Index = w.moved
			w.m.Exports.Set(i, e)
		}
	}
	for i, g := range w.m.Globals.All() {
		if f, ok := g.Init.RefFunc(); ok && f == w.imports {
			g.Init = wasm.RefFunc(w.moved)
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
		if f == w.imports {
			e.Funcs[i], changed = w.moved, true
		}
	}
	for i, x := range e.Exprs {
		if f, ok := x.RefFunc(); ok && f == w.imports {
			e.Exprs[i], changed = wasm.RefFunc(w.moved), true
		}
	}
	return changed
}

// addFunctions adds the import and the meter's own functions.
func (w *rewriter) addFunctions() {
	i32, i64 := []wasm.ValType{wasm.I32}, []wasm.ValType{wasm.I64}
	refill := w.m.Types.Add(wasm.Type{Params: i64, Results: i64})
	w.m.Imports.Add(wasm.Import{Module: ImportModule, Name: ImportRefill, Kind: wasm.KindFunc, Type: uint32(refill)})
	nothing := wasm.Func(w.m.Types.Add(wasm.Type{}))
	size := wasm.Func(w.m.Types.Add(wasm.Type{Params: i32, Results: i32}))
	three := []wasm.ValType{wasm.I32, wasm.I32, wasm.I32}
	operands := wasm.Func(w.m.Types.Add(wasm.Type{Params: three, Results: three}))
	for _, f := range []struct {
		t    wasm.Func
		body []byte
	}{
		{nothing, w.checkBody()}, {size, w.bulkBody()}, {size, w.growBody()},
		{operands, w.partsBody(wasm.OpMemoryFill)}, {operands, w.partsBody(wasm.OpMemoryCopy)},
	} {
		w.m.Functions.Add(f.t)
		w.m.Code.Add(wasm.Body{Bytes: f.body})
	}
	w.addKept()
}
