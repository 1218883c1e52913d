package meter

import (
	"fmt"

	"github.com/tenantedge/tenantedge/edge/internal/wasm"
)

// layout is the indices that the metered guest has in addition to the guest's own.
//
// The added function import takes the index of the guest's first function with a
// body, which moves after all others. No other index changes.
type layout struct {
	// Of the original guest: every index in its code must be below these, since what
	// the meter adds is above.
	types, functions, globals uint32

	imports uint32 // number of imported functions; the index of refill
	moved   uint32 // new index of the function that had that index
	check   uint32 // func (): call refill, and trap if there is no fuel
	bulk    uint32 // func (n i32) i32: charge for n bytes, return n
	grow    uint32 // func (n i32) i32: charge for n pages, return n
	fill    uint32 // func (to, value, n i32) (i32, i32, i32): charge, and do memory.fill except for the last part
	copy    uint32 // the same for memory.copy

	fuel, limit, depth uint32 // globals

	maxMemory uint32
	maxDepth  uint32
}

func newLayout(m *wasm.Module, o Options) layout {
	imports := uint32(m.Imported(wasm.KindFunc))
	bodies := uint32(m.Functions.Len())
	globals := uint32(m.Imported(wasm.KindGlobal) + m.Globals.Len())
	added := imports + bodies // after the last function
	return layout{
		types:     uint32(m.Types.Len()),
		functions: imports + bodies,
		globals:   globals,
		imports:   imports,
		moved:     added,
		check:     added + 1,
		bulk:      added + 2,
		grow:      added + 3,
		fill:      added + 4,
		copy:      added + 5,
		fuel:      globals,
		limit:     globals + 1,
		depth:     globals + 2,
		maxDepth:  o.MaxDepth,
	}
}

// index returns the new index of a function.
func (l *layout) index(i uint32) uint32 {
	if i == l.imports {
		return l.moved
	}
	return i
}

// checkIndices checks the indices outside of code.
func (l *layout) checkIndices(m *wasm.Module) error {
	for _, i := range m.Imports.All() {
		if i.Kind == wasm.KindFunc && i.Type >= l.types {
			return outOfRange(fmt.Sprintf("type of import %.80q", i.Name), i.Type, l.types)
		}
	}
	for i, f := range m.Functions.All() {
		if uint32(f) >= l.types {
			return outOfRange(fmt.Sprintf("type of function %d", l.imports+uint32(i)), uint32(f), l.types)
		}
	}
	for _, e := range m.Exports.All() {
		switch {
		case e.Kind == wasm.KindFunc && e.Index >= l.functions:
			return outOfRange(fmt.Sprintf("function of export %.80q", e.Name), e.Index, l.functions)
		case e.Kind == wasm.KindGlobal && e.Index >= l.globals:
			return outOfRange(fmt.Sprintf("global of export %.80q", e.Name), e.Index, l.globals)
		}
	}
	if m.Start.Present {
		if m.Start.Value >= l.functions {
			return outOfRange("start function", m.Start.Value, l.functions)
		}
		if t := m.TypeOf(m.Start.Value); len(t.Params)+len(t.Results) > 0 {
			return refuse("a start function without parameters and results", "%d and %d", len(t.Params), len(t.Results))
		}
	}
	for i, g := range m.Globals.All() {
		if err := l.checkExpr(fmt.Sprintf("global %d", i), g.Init); err != nil {
			return err
		}
	}
	for i, d := range m.Data.All() {
		if err := l.checkExpr(fmt.Sprintf("data segment %d", i), d.Offset); err != nil {
			return err
		}
	}
	for i, e := range m.Elements.All() {
		what := fmt.Sprintf("element segment %d", i)
		if err := l.checkExpr(what, e.Offset); err != nil {
			return err
		}
		for _, f := range e.Funcs {
			if f >= l.functions {
				return outOfRange("function in "+what, f, l.functions)
			}
		}
		for _, x := range e.Exprs {
			if err := l.checkExpr(what, x); err != nil {
				return err
			}
		}
	}
	return nil
}

func (l *layout) checkExpr(where string, e wasm.Expr) error {
	if f, ok := e.RefFunc(); ok && f >= l.functions {
		return outOfRange("function in "+where, f, l.functions)
	}
	if g, ok := e.GlobalGet(); ok && g >= l.globals {
		return outOfRange("global in "+where, g, l.globals)
	}
	return nil
}

func outOfRange(what string, found, length uint32) error {
	return refuse(fmt.Sprintf("%s below %d", what, length), "%d", found)
}
