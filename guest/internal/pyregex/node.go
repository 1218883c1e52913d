package pyregex

// op is the kind of a node.
type op uint8

const (
	opEmpty op = iota
	opRune
	opAny     // any rune except a line feed
	opAnyRune // any rune
	opSet     // one rune of a class
	opAssert  // an assertion about the position
	opConcat  // subs, one after the other
	opChoice  // one of subs
	opRepeat  // subs[0], min to max times
	opCapture // subs[0], as a group with a number
	opAtomic  // subs[0], without backtracking into it
	opLook    // subs[0], without consuming
	opBackref // the text that a group matched
	opIfMatch // subs[0] if a group matched, else subs[1]
)

// assertion is the kind of an opAssert.
type assertion uint8

const (
	textStart   assertion = iota // \A, and ^
	lineStart                    // ^ under (?m)
	textEnd                      // \Z
	lastLineEnd                  // $: the end, or before a line feed there
	lineEnd                      // $ under (?m)
	boundary                     // \b
	noBoundary                   // \B
)

// manner is the kind of a repetition.
type manner uint8

const (
	greedy manner = iota
	lazy
	possessive
)

// fold is how upper and lower case are compared.
type fold uint8

const (
	exactly fold = iota
	foldUnicode
	foldASCII
)

// unlimited is the max of a repetition without a maximum.
const unlimited = -1

type node struct {
	op        op
	assertion assertion
	manner    manner
	fold      fold
	ascii     bool // \b and \B use ASCII letters only
	behind    bool // opLook is a look-behind
	negated   bool // opLook is negative
	rune      rune
	min, max  int
	group     int // of opCapture, opBackref, opIfMatch
	width     int // of a look-behind, in characters
	set       *class
	subs      []*node
}

// nullable reports whether n may match the empty text. It may return true if n
// cannot, never false if it can.
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

// single reports whether n consumes exactly one character and has no other effect.
func (n *node) single() bool {
	return n.op == opRune || n.op == opAny || n.op == opAnyRune || n.op == opSet
}

// widest bounds the computed widths.
const widest = 1 << 30

// widths returns the minimum and the maximum of characters that n consumes.
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
