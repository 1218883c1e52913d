package meter

import (
	"slices"

	"github.com/tenantedge/tenantedge/edge/internal/wasm"
)

// maxKept is the maximum number of globals that a variant restores. Each takes a slot
// of the engine's stack.
const maxKept = 64

// addKept adds the variants of Options.Keep, after all other functions.
func (w *rewriter) addKept() {
	var kept []keptGlobal
	first := w.globals - uint32(w.m.Globals.Len())
	for i, g := range w.m.Globals.All() {
		if g.Mutable {
			kept = append(kept, keptGlobal{first + uint32(i), g.Type})
		}
	}
	if len(kept) == 0 || len(kept) > maxKept {
		return
	}

	for _, e := range w.m.Exports.All() {
		if e.Kind != wasm.KindFunc || !slices.Contains(w.keep, e.Name) {
			continue
		}
		t := w.m.TypeOf(e.Index)
		index := w.next + uint32(len(w.kept))
		w.kept = append(w.kept, wasm.Name{Index: index, Name: ExportKept + e.Name})
		w.m.Functions.Add(wasm.Func(w.m.Types.Add(t)))
		w.m.Code.Add(wasm.Body{Bytes: w.keptBody(e.Index, len(t.Params), kept)})
	}
	for _, k := range w.kept {
		w.m.Exports.Add(wasm.Export{Name: k.Name, Kind: wasm.KindFunc, Index: k.Index})
	}
}

// keptGlobal is one of the guest's mutable globals.
type keptGlobal struct {
	index uint32
	t     wasm.ValType
}

// keptBody saves the globals in locals, calls function f, and restores them.
func (w *rewriter) keptBody(f uint32, params int, kept []keptGlobal) []byte {
	a := asm(wasm.AppendU32(nil, uint32(len(kept))))
	for _, g := range kept {
		a = append(wasm.AppendU32(a, 1), g.t)
	}
	for i, g := range kept {
		a = a.index(wasm.OpGlobalGet, g.index).index(wasm.OpLocalSet, uint32(params+i))
	}
	for i := range params {
		a = a.index(wasm.OpLocalGet, uint32(i))
	}
	a = a.index(wasm.OpCall, f)
	for i, g := range kept {
		a = a.index(wasm.OpLocalGet, uint32(params+i)).index(wasm.OpGlobalSet, g.index)
	}
	if w.track {
		a = w.keepWindow(a.index(wasm.OpCall, w.flush).i32(empty).index(wasm.OpGlobalSet, w.window).i32(grain).index(wasm.OpGlobalSet, w.windowSize))
	}
	return a.op(wasm.OpEnd)
}
