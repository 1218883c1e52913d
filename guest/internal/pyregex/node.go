package pyregex

// op says what a node is.
type op uint8

const (
	opEmpty op = iota
	opRune
	opAny     // all but a line feed
	opAnyRune // all
	opSet     // one rune of a class
	opAssert  // a place in the text
	opConcat  // subs, one after the other
	opChoice  // one of subs
	opRepeat  // subs[0], min to max times
	opCapture // subs[0], as a group with a number
	opAtomic  // subs[0], without going back into it
	opLook    // subs[0], without consuming it
	opBackref // what a group matched
	opIfMatch // subs[0] if a group matched, else subs[1]
	opNothing // never matches
)

// place is what an opAssert asks for.
type place uint8

const (
	textStart   place = iota // \A, and ^
	lineStart                // ^ under (?m)
	textEnd                  // \Z
	lastLineEnd              // $: the end, or before a line feed there
	lineEnd                  // $ under (?m)
	boundary                 // \b
	noBoundary               // \B
)

// manner is how a repetition chooses.
type manner uint8

const (
	greedy manner = iota
	lazy
	possessive
)

// fold is how upper and lower case compare.
type fold uint8

const (
	exactly fold = iota
	foldUnicode
	foldASCII
)

// unlimited is the max of a repetition without one.
const unlimited = -1

type node struct {
	op       op
	place    place
	manner   manner
	fold     fold
	ascii    bool // \b and \B know ASCII alone
	behind   bool // opLook looks behind
	negated  bool // opLook
	rune     rune
	min, max int
	group    int // of opCapture, opBackref, opIfMatch
	width    int // of an opLook that looks behind, in characters
	set      *class
	subs     []*node
}

// nullable reports whether n can match without consuming anything. It errs on
// the side of yes.
func (n *node) nullable() bool {
	switch n.op {
	case opRune, opAny, opAnyRune, opSet:
		return false
	case opConcat:
		for _, sub := range n.subs {
			if !sub.nullable() {
				return false
			}
		}
		return true
	case opChoice, opIfMatch:
		for _, sub := range n.subs {
			if sub.nullable() {
				return true
			}
		}
		return false
	case opRepeat:
		return n.min == 0 || n.subs[0].nullable()
	case opCapture, opAtomic:
		return n.subs[0].nullable()
	default:
		return true
	}
}

// single reports whether n always consumes exactly one character, and nothing
// else comes of it.
func (n *node) single() bool {
	return n.op == opRune || n.op == opAny || n.op == opAnyRune || n.op == opSet
}

// widest is more than any expression needs.
const widest = 1 << 30

// widths are the fewest and the most characters that n consumes.
func (n *node) widths(groups [][2]int) (lo, hi int) {
	switch n.op {
	case opRune, opAny, opAnyRune, opSet:
		return 1, 1
	case opConcat:
		for _, sub := range n.subs {
			l, h := sub.widths(groups)
			lo, hi = min(lo+l, widest), min(hi+h, widest)
		}
	case opChoice, opIfMatch:
		for i, sub := range n.subs {
			l, h := sub.widths(groups)
			if i == 0 || l < lo {
				lo = l
			}
			hi = max(hi, h)
		}
	case opRepeat:
		l, h := n.subs[0].widths(groups)
		lo = min(l*n.min, widest)
		switch {
		case h == 0:
		case n.max == unlimited || h > widest/max(n.max, 1):
			hi = widest
		default:
			hi = h * n.max
		}
	case opCapture, opAtomic:
		return n.subs[0].widths(groups)
	case opBackref:
		return groups[n.group][0], groups[n.group][1]
	}
	return lo, hi
}
