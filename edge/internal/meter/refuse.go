package meter

import (
	"fmt"
	"strings"

	"github.com/tenantedge/tenantedge/edge/internal/wasm"
)

// refuseState refuses a guest with state besides its memory and its mutable globals,
// or with shared state.
func refuseState(m *wasm.Module) error {
	for _, i := range m.Imports.All() {
		switch {
		case i.Module == ImportModule, i.Module == MarkModule:
			return refuse("no import from the module "+i.Module+", which is reserved", "%.80q", i.Name)
		case i.Kind == wasm.KindMemory:
			return refuse("a memory that the guest defines and exports (wasm-ld: no --import-memory, and link object files; AssemblyScript: no --importMemory; Rust: no -C link-arg=--import-memory)", "the import %.80q of %.80q", i.Name, i.Module)
		case i.Kind == wasm.KindTable:
			return refuse("a table that the guest defines (wasm-ld: no --import-table, no -shared; AssemblyScript: no --importTable)", "the import %.80q of %.80q", i.Name, i.Module)
		case i.Kind == wasm.KindGlobal && i.Global.Mutable:
			return refuse("imported globals that are constant (link statically, without -shared)", "%.80q of %.80q", i.Name, i.Module)
		}
	}
	for _, e := range m.Exports.All() {
		if strings.HasPrefix(e.Name, reserved) {
			return refuse("no export that starts with "+reserved+", which is reserved", "%.80q", e.Name)
		}
	}
	for i, g := range m.Globals.All() {
		if g.Mutable && (g.Type < wasm.F64 || g.Type > wasm.I32) {
			return refuse("mutable globals that are numbers of at most 64 bits", "%s in global %d", wasm.TypeName(g.Type), i)
		}
	}
	return nil
}

// refuseInstruction refuses instructions that change such state, and indices out of
// the guest's range. locals is the number of locals of the function.
func (l *layout) refuseInstruction(in *wasm.Instruction, locals uint32, it *wasm.Instructions) (expected, found string) {
	below := func(what string, i, n uint32) (string, string) {
		if i < n {
			return "", ""
		}
		return what + " that the guest has", fmt.Sprintf("index %d where there are %d", i, n)
	}
	switch in.Op {
	case wasm.OpLocalGet, wasm.OpLocalSet, wasm.OpLocalTee:
		return below("a local", in.Index, locals)
	case wasm.OpGlobalGet, wasm.OpGlobalSet:
		return below("a global", in.Index, l.globals)
	case wasm.OpCall, wasm.OpRefFunc:
		return below("a function", in.Index, l.functions)
	case wasm.OpCallIndirect:
		return below("a type", in.Index, l.types)
	case wasm.OpBlock, wasm.OpLoop, wasm.OpIf:
		if in.Index != wasm.NoIndex {
			return below("a type", in.Index, l.types)
		}
	case wasm.OpBr, wasm.OpBrIf:
		return below("a label", in.Index, uint32(it.Depth()))
	case wasm.OpBrTable:
		for labels := it.Labels(in); ; {
			label, ok := labels.Next()
			if !ok {
				break
			}
			if expected, found = below("a label", label, uint32(it.Depth())); expected != "" {
				return expected, found
			}
		}
	case wasm.OpTableSet, wasm.OpTableGrow, wasm.OpTableFill, wasm.OpTableCopy, wasm.OpTableInit:
		return "tables that do not change, since an engine has no way to restore them (build without wasm-bindgen and its table of JavaScript objects)",
			"an instruction that changes one"
	case wasm.OpElemDrop, wasm.OpDataDrop:
		return "segments that are not dropped (build without threads, for which linkers make passive segments)", "an instruction that drops one"
	}
	return "", ""
}
