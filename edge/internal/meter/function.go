package meter

import (
	"fmt"
	"slices"

	"github.com/tenantedge/tenantedge/edge/internal/wasm"
)

// rewriter rewrites functions one by one.
type rewriter struct {
	layout
	m        *wasm.Module
	imported []uint32          // types of the imported functions
	blocks   map[string]uint32 // types without parameters, by their results

	// Of the current function; reused for the next one.
	stretches  stretches
	dispatcher dispatcher
	values     values
	liveness   liveness
	stores     stores
	edits      []edit
	out        []byte

	keep []string    // Options.Keep
	kept []wasm.Name // the resulting variants

	usesData                 bool // a function copies from data segments
	charges, checks, touches int
}

// edit replaces an instruction, or, if end is start, inserts code before it.
type edit struct {
	start, end int
	op         wasm.Opcode
	arg        uint32
}

// frame describes a function's stack frame.
type frame struct {
	bytes int  // at most
	calls bool // the function calls others, so that it can recurse
}

// weight returns the number of frames that it counts as.
func (f frame) weight() uint32 { return uint32(max(1, (f.bytes+frameBytes-1)/frameBytes)) }

// counted reports whether it counts.
func (f frame) counted() bool { return f.calls || f.bytes > largeLeaf }

// rewrite returns the metered form of function i.
func (w *rewriter) rewrite(i uint32) ([]byte, error) {
	body := w.m.Code.At(int(i - w.imports))
	t := w.m.Types.At(int(w.m.Functions.At(int(i - w.imports))))
	locals, err := body.Locals()
	if err != nil {
		return nil, fmt.Errorf("meter: function %d: %w", i, err)
	}
	it := body.Instructions()
	w.values.begin(t, len(t.Params)+locals, body.LocalTypes())
	f, err := w.survey(i, uint32(len(t.Params)+locals), it)
	if err != nil {
		return nil, err
	}
	code := it.Code()
	w.out = w.stores.appendLocals(w.out[:0], body.Bytes[:len(body.Bytes)-len(code)])
	w.write(f, t.Results, code)
	return slices.Clone(w.out), nil
}

// survey checks a function, and records its stretches and edits.
func (w *rewriter) survey(i, locals uint32, it wasm.Instructions) (frame, error) {
	var f frame
	w.stretches.begin()
	w.dispatcher.begin()
	w.stores.begin(locals)
	w.edits = w.edits[:0]
	replace := func(in *wasm.Instruction, arg uint32) {
		w.edits = append(w.edits, edit{in.Start, in.End, in.Op, arg})
	}
	for in := (wasm.Instruction{}); it.Next(&in); {
		if expected, found := w.refuseInstruction(&in, locals, &it); expected != "" {
			return f, &Refusal{Function: int(i), Offset: it.Offset(in.Start), Expected: expected, Found: found}
		}
		if w.dispatcher.step(&it, &in) {
			replace(&in, in.Index)
		}
		if w.track {
			w.trackStep(&in)
		}
		w.step(&it, &in)
		switch in.Op {
		case wasm.OpCall:
			f.calls = true
			if i := w.index(in.Index); i != in.Index {
				replace(&in, i)
			}
		case wasm.OpCallIndirect:
			f.calls = true
		case wasm.OpRefFunc:
			if i := w.index(in.Index); i != in.Index {
				replace(&in, i)
			}
		case wasm.OpReturn:
			replace(&in, uint32(it.Depth()-1))
		case wasm.OpMemoryGrow, wasm.OpMemoryFill, wasm.OpMemoryCopy, wasm.OpMemoryInit:
			w.edits = append(w.edits, edit{in.Start, in.Start, in.Op, 0})
			w.usesData = w.usesData || in.Op == wasm.OpMemoryInit
		}
	}
	if err := it.Err(); err != nil {
		return f, fmt.Errorf("meter: function %d: %w", i, err)
	}
	if work := w.values.work(); work > maxWork {
		return f, &Refusal{Function: int(i), Offset: it.Offset(0), Expected: "fewer locals or fewer branches in one function",
			Found: fmt.Sprintf("%d locals and %d branches; split the function", len(w.values.set), w.values.edges)}
	}
	w.liveness.run(&w.values)
	for n := range w.values.joins {
		w.stretches.moved(&w.values.joins[n])
	}
	w.stretches.fold()
	f.bytes = w.values.frame(w.liveness.slots)
	return f, nil
}

// trackStep records the edit of an instruction that writes to memory or switches to another
// stack.
func (w *rewriter) trackStep(in *wasm.Instruction) {
	reached := w.stretches.now != dead
	switch jumps, first := w.stores.jumps(in), w.stores.step(in); {
	case first && reached:
		w.edits = append(w.edits, edit{in.Start, in.Start, in.Op, uint32(len(w.stores.groups) - 1)})
		if !w.stores.groups[len(w.stores.groups)-1].stack {
			w.values.wait() // for touch
		}
	case jumps && reached:
		w.edits = append(w.edits, edit{in.Start, in.Start, in.Op, 0})
		w.values.wait() // for flush
	}
}

// step processes one instruction.
func (w *rewriter) step(it *wasm.Instructions, in *wasm.Instruction) {
	v, s := &w.values, &w.stretches
	units := weight(in, w.imports)
	switch in.Op {
	case wasm.OpCall:
		t := w.typeOf(in.Index)
		units += passing(t)
		v.called(t)
	case wasm.OpCallIndirect:
		t := w.m.Types.At(int(in.Index))
		units += passing(t)
		v.operands(1, 0)
		v.called(t)
	}
	s.step(it, in, units)
	switch in.Op {
	case wasm.OpCall:
		if in.Index >= w.imports {
			s.called()
		}
	case wasm.OpCallIndirect:
		s.called()
	case wasm.OpBlock, wasm.OpLoop, wasm.OpIf:
		v.enter(in.Op, w.blockType(it, in))
		if in.Op == wasm.OpLoop {
			v.joins[len(v.joins)-1].at = s.now
		}
	case wasm.OpElse:
		v.otherwise()
	case wasm.OpEnd:
		j := &v.joins[v.open[len(v.open)-1]]
		v.leave(s.now)
		s.unseen += uint64(j.sets+j.arity()) >> moveShift
	case wasm.OpBr:
		v.jump(in.Index)
		v.dead()
	case wasm.OpBrIf:
		v.operands(1, 0)
		v.jump(in.Index)
	case wasm.OpBrTable:
		v.operands(1, 0)
		v.table(it.Labels(in))
	case wasm.OpReturn:
		v.jump(uint32(len(v.open) - 1))
		v.dead()
	case wasm.OpUnreachable:
		v.dead()
	case wasm.OpLocalGet:
		v.operands(effect(in.Op))
		v.event(eventGet, v.number(in.Index))
	case wasm.OpLocalSet, wasm.OpLocalTee:
		v.operands(effect(in.Op))
		v.setLocal(in.Index)
	default:
		v.plain(in.Op)
	}
}

// typeOf returns the type of function i.
func (w *rewriter) typeOf(i uint32) wasm.Type {
	if i < w.imports {
		return w.m.Types.At(int(w.imported[i]))
	}
	return w.m.Types.At(int(w.m.Functions.At(int(i - w.imports))))
}

// blockType returns the type of a block, loop or if.
func (w *rewriter) blockType(it *wasm.Instructions, in *wasm.Instruction) wasm.Type {
	if in.Index != wasm.NoIndex {
		return w.m.Types.At(int(in.Index))
	}
	if t := it.Code()[in.Imm : in.Imm+1]; t[0] != noResult {
		return wasm.Type{Results: t}
	}
	return wasm.Type{}
}

// write appends a function's code to w.out, with its charges and edits.
func (w *rewriter) write(f frame, results []wasm.ValType, code []byte) {
	at, edits := 0, w.edits
	copyTo := func(end int) {
		for ; len(edits) > 0 && edits[0].start < end; edits = edits[1:] {
			e := edits[0]
			w.out = append(w.out, code[at:e.start]...)
			w.out, at = w.appendEdit(w.out, f, e, code[e.start:e.end]), e.end
		}
		w.out, at = append(w.out, code[at:end]...), end
	}
	for i, s := range w.stretches.list {
		copyTo(s.at)
		w.out = w.appendCharge(w.out, s)
		if i == 0 && f.counted() {
			w.out = w.appendEnter(w.out, f, results)
		}
	}
	copyTo(len(code))
	if f.counted() {
		w.out = w.appendLeave(w.out, f)
	}
}
