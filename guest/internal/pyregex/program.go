package pyregex

import "errors"

// code says what an instruction does.
type code uint8

const (
	doMatch  code = iota
	doNode        // match a single character, an assertion or a back reference
	doMany        // match node's single character min to max times
	doSplit       // try x, then y
	doJump        // go on at x
	doSave        // note the offset in slot x
	doEnter       // a loop begins: forget where its last round began, in slot x
	doRound       // a round begins at slot x; without progress go on at y
	doAtomic      // match what follows up to x as a whole, without going back
	doLook        // the same, without consuming
	doBranch      // go on at x unless the node's group matched
)

type instruction struct {
	code code
	x, y int // other instructions, or x a slot
	node *node
}

// maxProgram bounds what repetitions of large expressions take.
const maxProgram = 100_000

var errProgram = errors.New("the expression is too large: its repetitions come to more than 100,000 steps")

// compiler writes the program that backtracking runs.
type compiler struct {
	program []instruction
	slots   int
}

// compile gives the program for n, and the number of slots that it needs.
func compile(n *node, groups int, full bool) ([]instruction, int, error) {
	c := compiler{slots: 2 * groups}
	c.node(n)
	if full {
		c.emit(doNode, 0, 0, &node{op: opAssert, place: textEnd})
	}
	c.emit(doMatch, 0, 0, nil)
	if len(c.program) > maxProgram {
		return nil, 0, errProgram
	}
	return c.program, c.slots, nil
}

// emit keeps the many calls of it small in a guest.
//
//go:noinline
func (c *compiler) emit(do code, x, y int, n *node) int {
	c.program = append(c.program, instruction{do, x, y, n})
	return len(c.program) - 1
}

func (c *compiler) node(n *node) {
	if len(c.program) > maxProgram {
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
			split := c.emit(doSplit, len(c.program)+1, 0, nil)
			c.node(sub)
			ends = append(ends, c.emit(doJump, 0, 0, nil))
			c.program[split].y = len(c.program)
		}
		c.node(n.subs[len(n.subs)-1])
		for _, end := range ends {
			c.program[end].x = len(c.program)
		}
	case opRepeat:
		c.repeat(n)
	case opCapture:
		c.emit(doSave, 2*n.group, 0, nil)
		c.node(n.subs[0])
		c.emit(doSave, 2*n.group+1, 0, nil)
	case opAtomic:
		c.apart(doAtomic, n)
	case opLook:
		c.apart(doLook, n)
	case opIfMatch:
		branch := c.emit(doBranch, 0, 0, n)
		c.node(n.subs[0])
		jump := c.emit(doJump, 0, 0, nil)
		c.program[branch].x = len(c.program)
		c.node(n.subs[1])
		c.program[jump].x = len(c.program)
	default:
		c.emit(doNode, 0, 0, n)
	}
}

// apart writes a program within the program.
func (c *compiler) apart(do code, n *node) {
	at := c.emit(do, 0, 0, n)
	c.node(n.subs[0])
	c.emit(doMatch, 0, 0, nil)
	c.program[at].x = len(c.program)
}

func (c *compiler) repeat(n *node) {
	sub := n.subs[0]
	if n.manner == possessive {
		// Python goes back neither into the repetition nor into one of its rounds.
		if !sub.single() {
			sub = &node{op: opAtomic, subs: n.subs}
		}
		c.apart(doAtomic, &node{subs: []*node{{op: opRepeat, min: n.min, max: n.max, subs: []*node{sub}}}})
		return
	}
	if sub.single() {
		c.emit(doMany, 0, 0, n)
		return
	}
	for range n.min {
		before := len(c.program)
		if c.node(sub); len(c.program) > maxProgram {
			return
		}
		if len(c.program) == before {
			break // there is nothing to it, however often
		}
	}
	round := c.slots
	c.slots++
	c.emit(doEnter, round, 0, nil)
	if n.max == unlimited {
		at := c.optional(n, round)
		c.emit(doJump, at, 0, nil)
		c.leave(n, at)
		return
	}
	var ats []int
	for range n.max - n.min {
		if ats = append(ats, c.optional(n, round)); len(c.program) > maxProgram {
			return
		}
	}
	for _, at := range ats {
		c.leave(n, at)
	}
}

// optional writes one more round of a repetition, and says where. Where it
// leaves to is not known yet.
func (c *compiler) optional(n *node, round int) int {
	if n.manner == lazy {
		at := c.emit(doSplit, 0, len(c.program)+1, nil)
		c.emit(doRound, round, 0, nil)
		c.node(n.subs[0])
		return at
	}
	at := c.emit(doRound, round, 0, nil)
	c.emit(doSplit, len(c.program)+1, 0, nil)
	c.node(n.subs[0])
	return at
}

// leave says that the round at at leaves to what comes next. A lazy one that
// has tried to leave before its round fails without progress.
func (c *compiler) leave(n *node, at int) {
	end := len(c.program)
	if n.manner == lazy {
		c.program[at].x, c.program[at+1].y = end, noWhere
		return
	}
	c.program[at].y, c.program[at+1].y = end, end
}

// noWhere is where nothing matches.
const noWhere = -1
