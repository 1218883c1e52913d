package meter

import (
	"fmt"

	"github.com/tenantedge/tenantedge/edge/internal/wasm"
)

// layout is the indices that the metered guest has in addition to the guest's own.
//
// The added function imports take the indices of the guest's first functions with a
// body, which move after all others. No other index changes.
type layout struct {
	// Of the original guest: every index in its code must be below these, since what
	// the meter adds is above.
	types, functions, globals uint32

	imports uint32 // number of imported functions; the index of refill, which mark follows
	added   uint32 // number of functions that the meter imports
	moves   uint32 // number of functions that move for them
	moved   uint32 // new index of the first of these
	check   uint32 // func (): call refill, and trap if there is no fuel
	grow    uint32 // func (n i32) i32: charge for n pages, return n
	init    uint32 // func (to, from, n i32) (i32, i32, i32): charge for memory.init of n bytes, and mark them
	fill    uint32 // the same for memory.fill, of which it does all but the last part
	copy    uint32 // the same for memory.copy
	touch   uint32 // func (at, n i32): mark n bytes, and move the window there
	flush   uint32 // func (): mark the range of stores to the stack
	next    uint32 // index after the last of these

	fuel, limit, depth uint32 // globals
	low, high          uint32 // range of stores to the stack
	window, windowSize uint32 // range that is marked; the last such range follows

	track     bool
	maxMemory uint32
	maxDepth  uint32
}

func newLayout(m *wasm.Module, o Options) layout {
	imports := uint32(m.Imported(wasm.KindFunc))
	bodies := uint32(m.Functions.Len())
	globals := uint32(m.Imported(wasm.KindGlobal) + m.Globals.Len())
	l := layout{
		types:     uint32(m.Types.Len()),
		functions: imports + bodies,
		globals:   globals,
		imports:   imports,
		added:     1,
		fuel:      globals,
		limit:     globals + 1,
		depth:     globals + 2,
		low:       globals + 3, high: globals + 4,
		window: globals + 5, windowSize: globals + 6,
		track:    o.Track,
		maxDepth: o.MaxDepth,
	}
	if o.Track {
		l.added = 2
	}
	l.moves = min(bodies, l.added)
	own := imports + l.added + bodies // after the guest's last function
	l.moved = own - l.moves
	l.check, l.grow, l.init, l.fill, l.copy = own, own+1, own+2, own+3, own+4
	l.next = own + 5
	if o.Track {
		l.touch, l.flush = l.next, l.next+1
		l.next += 2
	}
	return l
}

// mark returns the index of the imported function mark.
func (l *layout) mark() uint32 { return l.imports + 1 }

// index returns the new index of a function.
func (l *layout) index(i uint32) uint32 {
	if i >= l.imports && i-l.imports < l.moves {
		return l.moved + i - l.imports
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
