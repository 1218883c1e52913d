package meter

import (
	"fmt"
	"strconv"

	"github.com/tenantedge/tenantedge/edge/internal/wasm"
)

// Instrument returns the metered form of a guest, which depends only on the guest and
// the options. The error is a *wasm.Error if the bytes are not a module of core Wasm
// 2.0, and a *Refusal if the module is not safe to run; both say where and why.
//
// Instrument checks everything with which a guest could access what it adds. What
// package wasm does not check (operand types, for example) is checked by the engine
// that compiles the result.
func Instrument(guest []byte, o Options) (Result, error) {
	o = o.withDefaults()
	m, err := wasm.Decode(guest)
	if err != nil {
		return Result{}, fmt.Errorf("meter: %w", err)
	}
	if err := refuseSize(m); err != nil {
		return Result{}, err
	}
	if err := refuseState(m); err != nil {
		return Result{}, err
	}
	w := &rewriter{layout: newLayout(m, o), m: m, blocks: map[string]uint32{}, keep: o.Keep}
	if err := w.checkIndices(m); err != nil {
		return Result{}, err
	}
	for _, i := range m.Imports.All() {
		if i.Kind == wasm.KindFunc {
			w.imported = append(w.imported, i.Type)
		}
	}
	w.stores.pointers = w.stackPointers()
	r := Result{MaxDepth: uint64(o.MaxDepth)}
	if err := w.limitMemory(o, &r); err != nil {
		return Result{}, err
	}
	if err := w.rewriteAll(); err != nil {
		return Result{}, err
	}
	r.Functions, r.Charges, r.Checks, r.Touches = m.Functions.Len(), w.charges, w.checks, w.touches
	w.relocate()
	w.addFunctions()
	r.Globals = w.addGlobals()
	r.Start = w.exportStart()
	if o.DropData {
		dropData(m, w.usesData)
	}
	w.customs()
	r.Wasm = m.Encode()
	return r, nil
}

// limitMemory sets the limits of the guest's memory.
func (w *rewriter) limitMemory(o Options, r *Result) error {
	if w.m.Memories.Len() == 0 {
		return nil
	}
	l := w.m.Memories.At(0).Limits
	if l.HasMax && l.Max > addressable {
		return refuse("a memory of at most 65,536 pages", "%d", l.Max)
	}
	l.Min = max(l.Min, o.MinMemory)
	if !l.HasMax || l.Max > o.MaxMemory {
		l.Max, l.HasMax = o.MaxMemory, true
	}
	if l.Min > l.Max {
		return refuse(fmt.Sprintf("an initial memory of at most %d pages (declare less, or raise limits.guest.memory of the configuration)", l.Max), "%d", l.Min)
	}
	w.m.Memories.Set(0, wasm.Memory{Limits: l})
	r.MinMemory, r.MaxMemory, w.maxMemory = l.Min, l.Max, l.Max
	return nil
}

// rewriteAll rewrites all bodies.
func (w *rewriter) rewriteAll() error {
	for i := range w.m.Code.Len() {
		body, err := w.rewrite(w.imports + uint32(i))
		if err != nil {
			return err
		}
		w.m.Code.Set(i, wasm.Body{Bytes: body})
	}
	return nil
}

// addGlobals adds the meter's globals, and exports them and the guest's mutable
// ones.
func (w *rewriter) addGlobals() []Global {
	var all []Global
	export := func(name string, index uint32, t wasm.ValType) {
		w.m.Exports.Add(wasm.Export{Name: name, Kind: wasm.KindGlobal, Index: index})
		all = append(all, Global{Name: name, Type: t})
	}
	export(ExportFuel, w.fuel, wasm.I64)
	export(ExportLimit, w.limit, wasm.I64)
	export(ExportDepth, w.depth, wasm.I32)
	first := w.globals - uint32(w.m.Globals.Len())
	for i, g := range w.m.Globals.All() {
		if g.Mutable {
			index := first + uint32(i)
			export(exportGlobal+strconv.FormatUint(uint64(index), 10), index, g.Type)
		}
	}
	counter := func(t wasm.ValType, zero wasm.Expr) {
		w.m.Globals.Add(wasm.Global{GlobalType: wasm.GlobalType{Type: t, Mutable: true}, Init: zero})
	}
	counter(wasm.I64, wasm.I64Const(0))
	counter(wasm.I64, wasm.I64Const(0))
	counter(wasm.I32, wasm.I32Const(0))
	return append(all, w.addTracking()...)
}

// exportStart turns the start function into an export.
func (w *rewriter) exportStart() bool {
	if !w.m.Start.Present {
		return false
	}
	w.m.Exports.Add(wasm.Export{Name: ExportStart, Kind: wasm.KindFunc, Index: w.index(w.m.Start.Value)})
	w.m.Start.Clear()
	return true
}

// dropData removes the data segments. If code copies from segments, passive ones
// stay, and active ones, which are empty after instantiation, become empty passive
// ones.
func dropData(m *wasm.Module, used bool) {
	if !used {
		m.Data.Clear()
		m.DataCount.Clear()
		return
	}
	for i, d := range m.Data.All() {
		if d.Mode == wasm.Active {
			m.Data.Set(i, wasm.Data{Mode: wasm.Passive})
		}
	}
}
