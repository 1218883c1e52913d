package pyregex

import "errors"

// code is the operation of an instruction.
type code uint8

const (
	doMatch  code = iota
	doNode        // match a single character, an assertion or a back reference
	doMany        // match node's single character min to max times
	doSplit       // try x, then y
	doJump        // continue at x
	doSave        // save the offset in slot x
	doEnter       // start a loop: clear slot x, the start of its last round
	doRound       // start a round: save the offset in slot x; without progress continue at y
	doAtomic      // match the instructions up to x without backtracking into them
	doLook        // like doAtomic, without consuming
	doBranch      // continue at x unless the node's group matched
)

type instruction struct {
	code code
	x, y int // instructions; x may be a slot
	mark int // of doSplit and doMany: their number among these
	node *node
}

// maxProgram limits the size of a program, in instructions.
const maxProgram = 100_000

var errProgram = errors.New("the expression is too large: expected at most 100,000 steps with its repetitions unrolled")

// program is a compiled expression.
type program struct {
	code  []instruction
	slots int
	marks int // number of doSplit and doMany
	// linear reports that what an instruction matches depends only on its position
	// in the text. There are no back references, conditions, look-arounds, atomic
	// groups, and loops whose rounds can match the empty text.
	linear bool
}

// compiler compiles a tree to a program.
type compiler struct{ program }

// compile returns the program for n.
func compile(n *node, groups int, full bool) (program, error) {
	c := compiler{program{slots: 2 * groups, linear: true}}
	c.node(n)
	if full {
		c.emit(doNode, 0, 0, &node{op: opAssert, assertion: textEnd})
	}
	c.emit(doMatch, 0, 0, nil)
	if len(c.code) > maxProgram {
		return program{}, errProgram
	}
	return c.program, nil
}

// emit appends an instruction and returns its index. It is not inlined, which makes
// the Wasm smaller.
//
//go:noinline
func (c *compiler) emit(do code, x, y int, n *node) int {
	c.code = append(c.code, instruction{do, x, y, c.marks, n})
	switch {
	case do == doSplit || do == doMany:
		c.marks++
	case do == doAtomic || do == doLook || do == doBranch || n != nil && n.op == opBackref:
		c.linear = false
	}
	return len(c.code) - 1
}

func (c *compiler) node(n *node) {
	if len(c.code) > maxProgram {
		return
	}
	switch n.op {
	case opEmpty:
	case opConcat:
		for _, sub := range n.subs {
			c.node(sub)
		}
	case opChoice:
		var ends []int
		for _, sub := range n.subs[:len(n.subs)-1] {
			split := c.emit(doSplit, len(c.code)+1, 0, nil)
			c.node(sub)
			ends = append(ends, c.emit(doJump, 0, 0, nil))
			c.code[split].y = len(c.code)
		}
		c.node(n.subs[len(n.subs)-1])
		for _, end := range ends {
			c.code[end].x = len(c.code)
		}
	case opRepeat:
		c.repeat(n)
	case opCapture:
		c.emit(doSave, 2*n.group, 0, nil)
		c.node(n.subs[0])
		c.emit(doSave, 2*n.group+1, 0, nil)
	case opAtomic:
		c.nested(doAtomic, n)
	case opLook:
		c.nested(doLook, n)
	case opIfMatch:
		branch := c.emit(doBranch, 0, 0, n)
		c.node(n.subs[0])
		jump := c.emit(doJump, 0, 0, nil)
		c.code[branch].x = len(c.code)
		c.node(n.subs[1])
		c.code[jump].x = len(c.code)
	default:
		c.emit(doNode, 0, 0, n)
	}
}

// nested compiles n.subs[0] as a nested program.
func (c *compiler) nested(do code, n *node) {
	at := c.emit(do, 0, 0, n)
	c.node(n.subs[0])
	c.emit(doMatch, 0, 0, nil)
	c.code[at].x = len(c.code)
}

func (c *compiler) repeat(n *node) {
	sub := n.subs[0]
	if n.manner == possessive {
		// Python backtracks neither into the repetition nor into one of its rounds.
		if !sub.single() {
			sub = &node{op: opAtomic, subs: n.subs}
		}
		c.nested(doAtomic, &node{subs: []*node{{op: opRepeat, min: n.min, max: n.max, subs: []*node{sub}}}})
		return
	}
	if sub.single() {
		c.emit(doMany, 0, 0, n)
		return
	}
	for range n.min {
		before := len(c.code)
		if c.node(sub); len(c.code) > maxProgram {
			return
		}
		if len(c.code) == before {
			break // it compiles to nothing
		}
	}
	if n.max != 1 && sub.nullable() {
		c.linear = false
	}
	round := c.slots
	c.slots++
	c.emit(doEnter, round, 0, nil)
	if n.max == unlimited {
		at := c.optional(n, round)
		c.emit(doJump, at, 0, nil)
		c.setExits(n, at)
		return
	}
	var ats []int
	for range n.max - n.min {
		if ats = append(ats, c.optional(n, round)); len(c.code) > maxProgram {
			return
		}
	}
	for _, at := range ats {
		c.setExits(n, at)
	}
}

// optional compiles one more optional round of a repetition and returns its index.
// setExits sets its exits later.
func (c *compiler) optional(n *node, round int) int {
	if n.manner == lazy {
		at := c.emit(doSplit, 0, len(c.code)+1, nil)
		c.emit(doRound, round, 0, nil)
		c.node(n.subs[0])
		return at
	}
	at := c.emit(doRound, round, 0, nil)
	c.emit(doSplit, len(c.code)+1, 0, nil)
	c.node(n.subs[0])
	return at
}

// setExits sets the exits of the round at at to the next instruction. A lazy round
// without progress fails, since its exit was tried first.
func (c *compiler) setExits(n *node, at int) {
	end := len(c.code)
	if n.manner == lazy {
		c.code[at].x, c.code[at+1].y = end, nowhere
		return
	}
	c.code[at].y, c.code[at+1].y = end, end
}

// nowhere is the target of a round that fails.
const nowhere = -1
