package meter

import (
	"slices"

	"github.com/tenantedge/tenantedge/edge/internal/wasm"
)

// The engine keeps the values of a function (operands, and what was last set
// in each local) in registers and in places on its stack. Two things that cost
// time or stack follow from where values meet, and not from how many
// instructions there are:
//
//   - Where control flow joins, each local that differs by the way that was
//     taken is moved, and so are the parameters or results of the block.
//   - A value that waits while something is called, or while more values wait
//     than there are registers, has a place on the stack of its own for the
//     whole function.
//
// values gathers what is needed to bound both: it walks forward once, with the
// operand stack and the sets of locals, and liveness walks back over the
// events that it leaves.
type values struct {
	events []event
	joins  []join
	open   []int    // indices in joins of the blocks that are open
	since  []int    // position of where each of them began, in events
	locals []uint32 // by index: number in order of use, 0 for none yet
	set    []int    // by that number less 1: where it was last set, in events, plus 1

	height  int // of the operand stack
	counted int // operands below this height have their place already
	places  int // operands that have one
	area    int // bytes of the largest list of parameters and results that is passed
	edges   int // all that lead to joins
	float   bool
	wide    bool // a value may take 16 bytes
}

// join is a block, loop or if, as the place where ways meet: a loop's
// beginning, the end of the others.
type join struct {
	op     wasm.Opcode
	elsed  bool // an if with an else
	at     int  // the stretch that passes it, dead if none does
	base   int  // height of the operand stack below its parameters
	params int
	result int
	edges  int // that lead to it
	sets   int // locals that are set inside of it
	moves  int // values that are moved on each edge; from liveness
}

// arity returns how many operands are moved where the ways meet.
func (j *join) arity() int {
	if j.op == wasm.OpLoop {
		return j.params
	}
	return j.result
}

// event is what liveness needs to know of the instructions, in their order.
type event struct {
	kind   eventKind
	height int32 // of the operand stack
	arg    int32 // the local's number, or the join
}

type eventKind uint8

const (
	eventGet eventKind = iota
	eventSet
	eventWait // all that lives has its place on the stack: a call, or many operands
	eventOpen // of join arg
	eventElse
	eventClose
	eventJump // to join arg, or on
	eventDead // what follows is not reached from here
)

// registers is how many values are certain to find one. The engine has 14 for
// integers, of which it uses two itself.
const registers = 12

// begin starts a function of the given type.
func (v *values) begin(t wasm.Type, locals int, declared []wasm.ValType) {
	v.events, v.joins, v.open, v.since, v.set = v.events[:0], v.joins[:0], v.open[:0], v.since[:0], v.set[:0]
	v.locals = append(v.locals[:0], make([]uint32, locals)...)
	v.height, v.counted, v.places, v.area, v.edges, v.float, v.wide = 0, 0, 0, 0, 0, false, false
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

// wait notes that a call is made here, while all values that live wait.
func (v *values) wait() {
	v.keep()
	v.event(eventWait, 0)
}

// keep gives the operands that wait their places.
func (v *values) keep() {
	v.places += max(0, v.height-v.counted)
	v.counted = max(v.counted, v.height)
}

// operands takes and leaves some.
func (v *values) operands(takes, leaves int) {
	floor := v.joins[v.open[len(v.open)-1]].base
	low := max(floor, v.height-takes)
	v.counted = min(v.counted, low)
	v.height = low + leaves
	if v.height > registers && leaves > 0 {
		if low <= registers {
			v.event(eventWait, 0)
		}
		v.keep()
	}
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
	// The blocks in which this is its first are those that began after the last.
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

// dead notes that what follows is not reached: the operand stack is what it was
// when the block began.
func (v *values) dead() {
	v.event(eventDead, 0)
	v.height = v.joins[v.open[len(v.open)-1]].base
	v.counted = min(v.counted, v.height)
}

// called takes in a call of type t, after its operands of other kinds.
func (v *values) called(t wasm.Type) {
	v.types(t.Params)
	v.types(t.Results)
	v.area = max(v.area, area(t))
	v.operands(len(t.Params), 0)
	v.wait()
	v.operands(0, len(t.Results))
}

// area returns how many bytes of the stack a call of type t passes values in. It
// is a bound for all machines, and counts few values as passed in registers.
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

// otherwise is the else of an if.
func (v *values) otherwise() {
	i := v.open[len(v.open)-1]
	j := &v.joins[i]
	j.elsed = true
	v.event(eventElse, i)
	v.height, v.counted = j.base+j.params, min(v.counted, j.base)
}

// leave closes the innermost block, whose end the stretch passes.
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

// table is a br_table.
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

// frame returns how many bytes of the stack the function takes at most, where
// that many of the values that locals hold have a place on it.
func (v *values) frame(locals int) int {
	size, bytes := 8, frameBase+v.area
	if v.wide {
		size = 16
	}
	if v.float {
		bytes += frameFloat
	}
	return bytes + size*(v.places+locals)
}
