package meter

import (
	"slices"

	"github.com/tenantedge/tenantedge/edge/internal/wasm"
)

// The engine keeps the values of a function (operands, and the current value of each
// local) in registers and in slots of its stack. Two costs in time and stack depend
// on control flow, not on the number of instructions:
//
//   - At a join, each local that differs between the incoming paths is moved, and so
//     are the parameters or results of the block.
//   - A value that is live across a call, or while there are more live values than
//     registers, has its own slot for the entire function.
//
// values collects what is needed to bound both. It walks forward once, with the height
// of the operand stack and the sets of locals, and records events; liveness walks
// backward over them.
type values struct {
	events []event
	joins  []join
	open   []int    // indices in joins of the open blocks
	since  []int    // position in events where each of them began
	locals []uint32 // by index: number in order of use, 0 for none yet
	set    []int    // by that number minus 1: position in events of its last set, plus 1

	height  int // of the operand stack
	counted int // operands below this height have their slot already
	slots   int // slots of operands
	area    int // bytes of the largest list of parameters and results of a call
	edges   int // to all joins
	float   bool
	wide    bool // a value may take 16 bytes
}

// join is where control flow of a block joins: at the beginning of a loop, at the end of
// a block or if.
type join struct {
	op      wasm.Opcode
	hasElse bool // an if with an else
	at      int  // the stretch that contains it; dead for none
	base    int  // height of the operand stack below its parameters
	params  int
	result  int
	edges   int // to it
	sets    int // locals that are set inside of it
	moves   int // values that are moved on each edge; from liveness
}

// arity returns how many operands are moved at the join.
func (j *join) arity() int {
	if j.op == wasm.OpLoop {
		return j.params
	}
	return j.result
}

// event is what liveness needs of an instruction.
type event struct {
	kind   eventKind
	height int32 // of the operand stack
	arg    int32 // the local's number, or the join
}

type eventKind uint8

const (
	eventGet eventKind = iota
	eventSet
	eventWait // every live value has its slot: at a call, or with many operands
	eventOpen // of join arg
	eventElse
	eventClose
	eventJump // to join arg, or to the next instruction
	eventDead // the next instruction is not reached from here
)

// registers is the number of values that certainly fit in registers. The engine has 14
// for integers, of which it uses two itself.
const registers = 12

// begin starts a function of the given type.
func (v *values) begin(t wasm.Type, locals int, declared []wasm.ValType) {
	v.events, v.joins, v.open, v.since, v.set = v.events[:0], v.joins[:0], v.open[:0], v.since[:0], v.set[:0]
	v.locals = append(v.locals[:0], make([]uint32, locals)...)
	v.height, v.counted, v.slots, v.area, v.edges, v.float, v.wide = 0, 0, 0, 0, 0, false, false
	v.types(t.Params)
	v.types(t.Results)
	v.types(declared)
	v.push(join{op: wasm.OpBlock, at: dead, result: len(t.Results)})
}

func (v *values) types(types []wasm.ValType) {
	for _, t := range types {
		v.wide = v.wide || t == wasm.V128
		v.float = v.float || t == wasm.V128 || t == wasm.F32 || t == wasm.F64
	}
}

func (v *values) event(k eventKind, arg int) {
	v.events = append(v.events, event{kind: k, height: int32(v.height), arg: int32(arg)})
}

func (v *values) push(j join) {
	v.joins = append(v.joins, j)
	i := len(v.joins) - 1
	v.open = append(v.open, i)
	v.since = append(v.since, len(v.events))
	v.event(eventOpen, i)
}

// wait records a call, across which all live values need slots.
func (v *values) wait() {
	v.spill()
	v.event(eventWait, 0)
}

// spill gives all operands their slots.
func (v *values) spill() {
	v.slots += max(0, v.height-v.counted)
	v.counted = max(v.counted, v.height)
}

// operands pops and pushes operands.
func (v *values) operands(pops, pushes int) {
	floor := v.joins[v.open[len(v.open)-1]].base
	low := max(floor, v.height-pops)
	v.counted = min(v.counted, low)
	v.height = low + pushes
	if v.height > registers && pushes > 0 {
		if low <= registers {
			v.event(eventWait, 0)
		}
		v.spill()
	}
}

// plain processes an instruction that involves neither locals nor control flow.
func (v *values) plain(op wasm.Opcode) {
	v.float = v.float || isFloat(op)
	v.wide = v.wide || op >= wasm.OpV128Load
	switch op {
	case wasm.OpMemoryGrow, wasm.OpMemoryFill, wasm.OpMemoryCopy, wasm.OpMemoryInit, wasm.OpRefFunc:
		v.wait() // the engine, or the meter, calls a function for it
	}
	v.operands(effect(op))
}

// number returns the number of local i.
func (v *values) number(i uint32) int {
	if v.locals[i] == 0 {
		v.set = append(v.set, 0)
		v.locals[i] = uint32(len(v.set))
	}
	return int(v.locals[i]) - 1
}

func (v *values) setLocal(i uint32) {
	n := v.number(i)
	// It is the first set in those open blocks that began after the last set.
	depth := len(v.open)
	first, _ := slices.BinarySearch(v.since, v.set[n])
	if first < depth {
		v.joins[v.open[depth-1]].sets++
		if first > 0 {
			v.joins[v.open[first-1]].sets--
		}
	}
	v.event(eventSet, n)
	v.set[n] = len(v.events)
}

// target returns the join of a label.
func (v *values) target(label uint32) int { return v.open[len(v.open)-1-int(label)] }

func (v *values) jump(label uint32) {
	j := v.target(label)
	v.joins[j].edges++
	v.edges++
	v.event(eventJump, j)
}

// dead records that the next instruction is not reached. The operand stack shrinks to
// its height below the block's parameters.
func (v *values) dead() {
	v.event(eventDead, 0)
	v.height = v.joins[v.open[len(v.open)-1]].base
	v.counted = min(v.counted, v.height)
}

// called processes a call of type t, after operands that are not its parameters.
func (v *values) called(t wasm.Type) {
	v.types(t.Params)
	v.types(t.Results)
	v.area = max(v.area, area(t))
	v.operands(len(t.Params), 0)
	v.wait()
	v.operands(0, len(t.Results))
}

// area returns the bytes of the stack in which a call of type t passes values. It is an
// upper bound for all architectures: it counts few values as passed in registers.
func area(t wasm.Type) int {
	bytes := func(types []wasm.ValType) (n int) {
		for i, t := range types {
			if t == wasm.V128 {
				n += 16
			} else {
				n += 8
			}
			if i < 7 {
				n = 0
			}
		}
		return n
	}
	return (bytes(t.Params) + bytes(t.Results) + 15) &^ 15
}

// enter opens a block.
func (v *values) enter(op wasm.Opcode, t wasm.Type) {
	if op == wasm.OpIf {
		v.operands(1, 0)
	}
	v.types(t.Params)
	v.types(t.Results)
	j := join{op: op, at: dead, params: len(t.Params), result: len(t.Results), edges: 1}
	if op == wasm.OpIf {
		j.edges = 2
	}
	j.base = max(v.joins[v.open[len(v.open)-1]].base, v.height-j.params)
	v.height = j.base + j.params
	v.edges += j.edges
	v.push(j)
	if op == wasm.OpLoop {
		v.wait() // for fuel
	}
}

// otherwise processes the else of an if.
func (v *values) otherwise() {
	i := v.open[len(v.open)-1]
	j := &v.joins[i]
	j.hasElse = true
	v.event(eventElse, i)
	v.height, v.counted = j.base+j.params, min(v.counted, j.base)
}

// leave closes the innermost block, whose end is in a stretch.
func (v *values) leave(stretch int) {
	depth := len(v.open) - 1
	i := v.open[depth]
	j := &v.joins[i]
	v.event(eventClose, i)
	v.open, v.since = v.open[:depth], v.since[:depth]
	if depth == 0 {
		return
	}
	if j.op != wasm.OpLoop {
		j.at = stretch
	}
	v.joins[v.open[depth-1]].sets += j.sets
	v.height, v.counted = j.base, min(v.counted, j.base)
	v.operands(0, j.result)
}

// table processes a br_table.
func (v *values) table(labels wasm.Labels) {
	for last := -1; ; {
		label, ok := labels.Next()
		if !ok {
			break
		}
		if int(label) != last { // runs of one label are common
			v.jump(label)
		}
		last = int(label)
	}
	v.dead()
}

// frame returns the maximum size of the function's frame in bytes. locals is the number
// of slots for values of locals.
func (v *values) frame(locals int) int {
	size, bytes := 8, frameBase+v.area
	if v.wide {
		size = 16
	}
	if v.float {
		bytes += frameFloat
	}
	return bytes + size*(v.slots+locals)
}
