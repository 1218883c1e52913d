package meter

import (
	"fmt"
	"slices"

	"github.com/tenantedge/tenantedge/edge/internal/wasm"
)

// rewriter rewrites functions, one after the other.
type rewriter struct {
	layout
	m      *wasm.Module
	blocks map[string]uint32 // types without parameters, by their results

	// Of the function at hand; used again for the next one.
	stretches  stretches
	dispatcher dispatcher
	edits      []edit
	out        []byte

	keep []string    // Options.Keep
	kept []wasm.Name // the functions that came of it

	usesData        bool // a function copies from data segments
	charges, checks int
}

// edit is an instruction that does not stay as it is: something else takes its
// place, or, if end is start, comes before it.
type edit struct {
	start, end int
	op         wasm.Opcode
	arg        uint32
}

// frame is what a function's stack frame is like.
type frame struct {
	locals uint32 // parameters included
	code   uint32 // bytes, which bound what else it may hold
	calls  bool   // it calls, so it can be part of a recursion
}

// weight returns for how many frames it counts.
func (f frame) weight() uint32 { return 1 + f.locals/frameLocals + f.code/frameCode }

// rewrite returns the metered form of function i.
func (w *rewriter) rewrite(i uint32) ([]byte, error) {
	body := w.m.Code.At(int(i - w.imports))
	t := w.m.Types.At(int(w.m.Functions.At(int(i - w.imports))))
	locals, err := body.Locals()
	if err != nil {
		return nil, fmt.Errorf("meter: function %d: %w", i, err)
	}
	it := body.Instructions()
	f, err := w.survey(i, uint32(len(t.Params)+locals), it)
	if err != nil {
		return nil, err
	}
	code := it.Code()
	w.out = append(w.out[:0], body.Bytes[:len(body.Bytes)-len(code)]...)
	w.write(f, t.Results, code)
	return slices.Clone(w.out), nil
}

// survey walks through a function, checks it, and notes what is to be done.
func (w *rewriter) survey(i, locals uint32, it wasm.Instructions) (frame, error) {
	f := frame{locals: locals, code: uint32(len(it.Code()))}
	w.stretches.begin()
	w.dispatcher.begin()
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
		w.stretches.step(&it, &in, weight(&in, w.imports))
		switch in.Op {
		case wasm.OpCall:
			f.calls = true
			if in.Index == w.imports {
				replace(&in, w.moved)
			}
		case wasm.OpCallIndirect:
			f.calls = true
		case wasm.OpRefFunc:
			if in.Index == w.imports {
				replace(&in, w.moved)
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
	w.stretches.fold()
	return f, nil
}

// write appends a function's code to w.out, with the charges of its stretches
// and its edits.
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
		if i == 0 && f.calls {
			w.out = w.appendEnter(w.out, f, results)
		}
	}
	copyTo(len(code))
	if f.calls {
		w.out = w.appendLeave(w.out, f)
	}
}
