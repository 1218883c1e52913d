package pyregex

import (
	"fmt"
	"regexp"
	"strings"
)

// writer writes an expression in Go's syntax.
type writer struct {
	strings.Builder
	unable bool // Go's regular expressions do not have it, or in another sense
	when   cases
}

// cases are texts of which Go's regular expression says something else.
type cases struct {
	lineFeedAtEnd bool // "$" matches before it
	notASCII      bool // \b knows all letters
	empty         bool // \B does not match in an empty text
}

// inGo gives the expression in Go's syntax, and the texts for which that does
// not hold. It is nil if there is none.
func inGo(n *node, full bool) (*regexp.Regexp, cases) {
	var w writer
	if full {
		w.put(`\A(?:`)
	}
	w.node(n)
	if full {
		w.put(`)\z`)
	}
	if w.unable {
		return nil, cases{}
	}
	re, err := regexp.Compile(w.String())
	if err != nil { // too large for it
		return nil, cases{}
	}
	return re, w.when
}

// put keeps the many calls of it small in a guest.
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
		w.unable = true
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
		w.unable = true // Go folds all letters or none
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
		// Alone, what is no word character is the others.
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
		w.unable = true // within brackets Go has no complement of several classes
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

// turkish are the letters that Python takes for one and Go does not.
const turkish = `iIİı`

func (w *writer) assert(n *node) {
	switch n.place {
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
	// The two differ in what goes round and round without consuming anything.
	if n.manner == possessive || n.max != 1 && !sub.single() && sub.nullable() {
		w.unable = true
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
