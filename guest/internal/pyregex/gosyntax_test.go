package pyregex

import (
	"fmt"
	"regexp"
	"strings"
)

// writer writes an expression in Go's syntax.
type writer struct {
	strings.Builder
	unsupported bool // the expression has no equivalent in Go's syntax
	when        cases
}

// cases are the texts for which the expression in Go's syntax differs.
type cases struct {
	lineFeedAtEnd bool // a line feed at the end: "$" matches before it
	notASCII      bool // \b and \B use Unicode letters
	empty         bool // \B does not match in the empty text
}

// inGo returns the expression compiled by package regexp, and the texts for which
// it differs; nil if there is no equivalent.
func inGo(n *node, full bool) (*regexp.Regexp, cases) {
	var w writer
	if full {
		w.put(`\A(?:`)
	}
	w.node(n)
	if full {
		w.put(`)\z`)
	}
	if w.unsupported {
		return nil, cases{}
	}
	re, err := regexp.Compile(w.String())
	if err != nil { // too large for package regexp
		return nil, cases{}
	}
	return re, w.when
}

// put is not inlined, which makes the Wasm smaller.
//
//go:noinline
func (w *writer) put(s string) { w.WriteString(s) }

func (w *writer) node(n *node) {
	switch n.op {
	case opEmpty:
		w.put(`(?:)`)
	case opRune:
		w.rune(n)
	case opAny:
		w.put(`[^\n]`)
	case opAnyRune:
		w.put(`(?s:.)`)
	case opSet:
		w.set(n)
	case opAssert:
		w.assert(n)
	case opConcat:
		for _, sub := range n.subs {
			w.node(sub)
		}
	case opChoice:
		for i, sub := range n.subs {
			if i == 0 {
				w.put(`(?:`)
			} else {
				w.put(`|`)
			}
			w.node(sub)
		}
		w.put(`)`)
	case opRepeat:
		w.repeat(n)
	case opCapture:
		w.put(`(`)
		w.node(n.subs[0])
		w.put(`)`)
	default:
		w.unsupported = true
	}
}

func (w *writer) rune(n *node) {
	switch {
	case n.fold == exactly || n.fold == foldASCII && !isLetterASCII(n.rune):
		w.put(regexp.QuoteMeta(string(n.rune)))
	case n.fold == foldASCII:
		fmt.Fprintf(w, `[%c%c]`, n.rune, n.rune^0x20)
	default:
		w.put(`[`)
		for r := n.rune; ; {
			fmt.Fprintf(w, `\x{%x}`, r)
			if r = nextCase(r); r == n.rune {
				break
			}
		}
		w.put(`]`)
	}
}

func (w *writer) set(n *node) {
	if n.fold == foldASCII {
		w.unsupported = true // Go has no ASCII-only case folding
		return
	}
	if n.fold == foldUnicode {
		w.put(`(?i:`)
		defer w.put(`)`)
	}
	items := n.set.items
	if n.set.negated {
		w.put(`[^`)
	} else if len(items) == 1 && items[0].named && items[0].negated {
		// A single negated category is the negation of the category.
		one := items[0]
		one.negated = false
		items = []classItem{one}
		w.put(`[^`)
	} else {
		w.put(`[`)
	}
	for i := range items {
		w.item(&items[i], n.fold)
	}
	w.put(`]`)
}

func (w *writer) item(item *classItem, f fold) {
	if !item.named {
		fmt.Fprintf(w, `\x{%x}-\x{%x}`, item.lo, item.hi)
		within := func(r rune) bool { return item.lo <= r && r <= item.hi }
		if f == foldUnicode && strings.ContainsFunc(turkish, within) {
			w.put(turkish)
		}
		return
	}
	if item.negated && (item.ascii || item.category != digit) {
		w.unsupported = true // Go has no equivalent within brackets
		return
	}
	switch {
	case item.negated:
		w.put(`\P{Nd}`)
	case item.ascii:
		w.put([...]string{digit: `0-9`, space: `\t-\r `, word: `0-9A-Za-z_`}[item.category])
	default:
		w.put([...]string{digit: `\p{Nd}`, space: `\t-\r\x1c-\x1f\x{85}\p{Z}`, word: `\p{L}\p{N}_`}[item.category])
	}
}

// turkish are the letters that only Python treats as equal but for case.
const turkish = `iIİı`

func (w *writer) assert(n *node) {
	switch n.assertion {
	case textStart:
		w.put(`\A`)
	case lineStart:
		w.put(`(?m:^)`)
	case textEnd:
		w.put(`\z`)
	case lastLineEnd:
		w.when.lineFeedAtEnd = true
		w.put(`\z`)
	case lineEnd:
		w.put(`(?m:$)`)
	case boundary:
		w.when.notASCII = w.when.notASCII || !n.ascii
		w.put(`\b`)
	case noBoundary:
		w.when.empty = true
		w.when.notASCII = w.when.notASCII || !n.ascii
		w.put(`\B`)
	}
}

func (w *writer) repeat(n *node) {
	sub := n.subs[0]
	// Go and Python differ in repetitions whose rounds can match the empty text.
	if n.manner == possessive || n.max != 1 && !sub.single() && sub.nullable() {
		w.unsupported = true
		return
	}
	w.put(`(?:`)
	w.node(sub)
	w.put(`)`)
	switch {
	case n.min == 0 && n.max == unlimited:
		w.put(`*`)
	case n.min == 1 && n.max == unlimited:
		w.put(`+`)
	case n.min == 0 && n.max == 1:
		w.put(`?`)
	case n.max == unlimited:
		fmt.Fprintf(w, `{%d,}`, n.min)
	default:
		fmt.Fprintf(w, `{%d,%d}`, n.min, n.max)
	}
	if n.manner == lazy {
		w.put(`?`)
	}
}
