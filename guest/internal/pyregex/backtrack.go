package pyregex

import (
	"unicode/utf8"
)

// machine runs a program on a text.
//
// A linear program cannot match from an instruction and an offset where it has
// failed before. After some backtracking the machine marks each doSplit and doMany
// with the offsets that it reaches them at, and does not try them again: the time
// is then linear in the length of the text, and the match is the same.
type machine struct {
	program *program
	text    string
	slots   []int
	stack   []choice

	retries int      // alternatives resumed so far
	marked  []uint64 // bits by mark and offset; nil: nothing is marked
}

// choice is an entry of the backtracking stack: an alternative to continue with,
// or the previous value of a slot.
type choice struct {
	at   int // instruction, or undo
	pos  int // offset, or the slot's previous value
	slot int // slot to restore; for a lazy repetition, how many more rounds are allowed
	// For a greedy repetition of single characters, the lowest offset to retry at.
	limit int
	lazy  *instruction // a lazy repetition of single characters
}

const (
	undo    = -1 // instead of an instruction
	nothing = -1 // an unset slot
)

// match finds the leftmost match from start on, or if anchored, one at start.
func (m *machine) match(start int, anchored bool) bool {
	for {
		for i := range m.slots {
			m.slots[i] = nothing
		}
		m.stack = m.stack[:0]
		m.slots[0] = start
		if end, ok := m.run(0, start); ok {
			m.slots[1] = end
			return true
		}
		if anchored || start >= len(m.text) {
			return false
		}
		_, size := utf8.DecodeRuneInString(m.text[start:])
		start += size
	}
}

// run matches from an instruction on and returns where the match ends. It leaves
// its choices on the stack, so that the caller can backtrack into them or drop
// them.
func (m *machine) run(at, pos int) (end int, ok bool) {
	base := len(m.stack)
	for {
		i := &m.program.code[at]
		ok = true
		switch at++; i.code {
		case doMatch:
			return pos, true
		case doNode:
			pos, ok = m.step(i.node, pos)
		case doMany:
			pos, ok = m.repeat(i, at, pos)
		case doSplit:
			if ok = m.mark(i.mark, pos); ok {
				m.stack = append(m.stack, choice{at: i.y, pos: pos, limit: pos})
				at = i.x
			}
		case doJump:
			at = i.x
		case doSave:
			m.set(i.x, pos)
		case doEnter:
			m.set(i.x, nothing)
		case doRound:
			switch {
			case m.slots[i.x] != pos:
				m.set(i.x, pos)
			case i.y == nowhere:
				ok = false
			default:
				at = i.y
			}
		case doAtomic:
			pos, ok = m.atomic(at, pos)
			at = i.x
		case doLook:
			ok = m.look(i.node, at, pos)
			at = i.x
		case doBranch:
			if m.slots[2*i.node.group+1] < 0 {
				at = i.x
			}
		}
		if !ok {
			if at, pos, ok = m.backtrack(base); !ok {
				return 0, false
			}
		}
	}
}

func (m *machine) set(slot, value int) {
	m.stack = append(m.stack, choice{at: undo, slot: slot, pos: m.slots[slot]})
	m.slots[slot] = value
}

// unmarked is the number of alternatives that are resumed before the machine marks
// where it has been. Few matches need more, and marking takes memory.
const unmarked = 32

// maxMarks bounds the memory of marks, to 4 MiB. A match that needs more takes more
// time than a request has.
const maxMarks = 1 << 25

// mark marks an instruction at pos, and reports whether it was not marked there.
func (m *machine) mark(instruction, pos int) bool {
	if m.marked == nil {
		size := m.program.marks * (len(m.text) + 1)
		if m.retries < unmarked || !m.program.linear || size > maxMarks {
			return true
		}
		m.marked = make([]uint64, size/64+1)
	}
	bit := instruction*(len(m.text)+1) + pos
	word, mask := &m.marked[bit/64], uint64(1)<<(bit%64)
	fresh := *word&mask == 0
	*word |= mask
	return fresh
}

// backtrack resumes the latest alternative above base, and restores the slots set since.
func (m *machine) backtrack(base int) (at, pos int, ok bool) {
	m.retries++
	for len(m.stack) > base {
		last := &m.stack[len(m.stack)-1]
		at, pos = last.at, last.pos
		switch {
		case at == undo:
			m.slots[last.slot] = pos
		case last.lazy != nil:
			if pos, ok = m.character(last.lazy.node.subs[0], pos); ok && last.slot != 0 && (last.slot > 0 || m.mark(last.lazy.mark, pos)) {
				last.pos, last.slot = pos, last.slot-1
				return at, pos, true
			}
		case pos > last.limit:
			_, size := utf8.DecodeLastRuneInString(m.text[:pos])
			last.pos -= size
			return at, pos, true
		default:
			m.stack = m.stack[:len(m.stack)-1]
			return at, pos, true
		}
		m.stack = m.stack[:len(m.stack)-1]
	}
	return 0, 0, false
}

// repeat matches a repetition of a single character; at is the next instruction.
// It is marked where it starts if it has a maximum, else where a further character
// is optional.
func (m *machine) repeat(i *instruction, at, pos int) (int, bool) {
	n := i.node
	ok := n.max == unlimited || m.mark(i.mark, pos)
	for range n.min {
		if !ok {
			break
		}
		pos, ok = m.character(n.subs[0], pos)
	}
	if !ok || n.max == unlimited && !m.mark(i.mark, pos) {
		return pos, false
	}
	more := unlimited // counts down and never reaches 0
	if n.max != unlimited {
		more = n.max - n.min
	}
	if n.manner == lazy {
		if more != 0 {
			m.stack = append(m.stack, choice{at: at, pos: pos, slot: more, lazy: i})
		}
		return pos, true
	}
	limit := pos
	for ; more != 0; more-- {
		next, ok := m.character(n.subs[0], pos)
		if !ok || n.max == unlimited && !m.mark(i.mark, next) {
			break
		}
		pos = next
	}
	if pos > limit {
		_, size := utf8.DecodeLastRuneInString(m.text[:pos])
		m.stack = append(m.stack, choice{at: at, pos: pos - size, limit: limit})
	}
	return pos, true
}

// character matches a single character.
func (m *machine) character(n *node, pos int) (int, bool) {
	if pos >= len(m.text) {
		return pos, false
	}
	r, size := rune(m.text[pos]), 1
	if r >= utf8.RuneSelf {
		r, size = utf8.DecodeRuneInString(m.text[pos:])
	}
	ok := true
	switch n.op {
	case opRune:
		ok = sameCase(r, n.rune, n.fold)
	case opAny:
		ok = r != '\n'
	case opSet:
		ok = n.set.has(r, n.fold)
	}
	return pos + size, ok
}

func (m *machine) step(n *node, pos int) (int, bool) {
	switch n.op {
	case opAssert:
		return pos, m.holds(n, pos)
	case opBackref:
		return m.backref(n, pos)
	default:
		return m.character(n, pos)
	}
}

// backref matches the text that a group matched.
func (m *machine) backref(n *node, pos int) (int, bool) {
	lo, hi := m.slots[2*n.group], m.slots[2*n.group+1]
	if hi < 0 {
		return pos, false
	}
	for _, r := range m.text[lo:hi] {
		var ok bool
		if pos, ok = m.character(&node{op: opRune, rune: r, fold: n.fold}, pos); !ok {
			return pos, false
		}
	}
	return pos, true
}

// holds reports whether the assertion n holds at pos.
func (m *machine) holds(n *node, pos int) bool {
	switch n.assertion {
	case textStart:
		return pos == 0
	case lineStart:
		return pos == 0 || m.text[pos-1] == '\n'
	case textEnd:
		return pos == len(m.text)
	case lastLineEnd:
		return m.text[pos:] == "" || m.text[pos:] == "\n"
	case lineEnd:
		return pos == len(m.text) || m.text[pos] == '\n'
	}
	if m.text == "" {
		return false // in Python neither \b nor \B matches there
	}
	before, _ := utf8.DecodeLastRuneInString(m.text[:pos])
	after, _ := utf8.DecodeRuneInString(m.text[pos:])
	found := (pos > 0 && word.has(before, n.ascii)) != (pos < len(m.text) && word.has(after, n.ascii))
	return found == (n.assertion == boundary)
}

// atomic matches the nested program at at atomically: it drops the alternatives, and
// keeps the entries that restore slots.
func (m *machine) atomic(at, pos int) (int, bool) {
	base := len(m.stack)
	end, ok := m.run(at, pos)
	kept := m.stack[:base]
	for _, c := range m.stack[base:] {
		if c.at == undo {
			kept = append(kept, c)
		}
	}
	m.stack = kept
	return end, ok
}

func (m *machine) look(n *node, at, pos int) bool {
	for range n.width {
		if pos == 0 {
			return n.negated
		}
		_, size := utf8.DecodeLastRuneInString(m.text[:pos])
		pos -= size
	}
	base := len(m.stack)
	_, ok := m.atomic(at, pos)
	if ok && n.negated {
		for len(m.stack) > base {
			last := m.stack[len(m.stack)-1]
			m.slots[last.slot] = last.pos
			m.stack = m.stack[:len(m.stack)-1]
		}
	}
	return ok != n.negated
}
