package pyregex

import (
	"strings"
	"unicode/utf8"
)

// Regex is a compiled expression. It is safe for concurrent use.
type Regex struct {
	names   []string
	program program
	from    bool // matches start only at the start of the text
}

// Compile compiles an expression. As in Django's re_path(), it matches anywhere in a
// path unless anchored, and with "$" at the end it must match up to the end.
func Compile(expr string) (*Regex, error) {
	n, names, err := parse(expr)
	if err != nil {
		return nil, err
	}
	full := strings.HasSuffix(expr, "$")
	r := &Regex{names: names, from: full || startsText(n)}
	r.program, err = compile(n, len(names), full)
	return r, err
}

// startsText reports whether n matches only at the start of the text.
func startsText(n *node) bool {
	switch n.op {
	case opAssert:
		return n.assertion == textStart
	case opConcat, opCapture:
		return startsText(n.subs[0])
	case opChoice:
		for _, sub := range n.subs {
			if !startsText(sub) {
				return false
			}
		}
		return true
	}
	return false
}

// Names returns the names of the groups, empty for those without a name. The first
// is that of the entire match, and empty.
func (r *Regex) Names() []string { return r.names }

// Linear reports whether texts are matched in time linear in their length.
func (r *Regex) Linear() bool { return r.program.linear }

// Match returns the leftmost match in text, which must be UTF-8: two offsets for the
// match and two for each group, -1 for a group that did not take part; nil for no
// match.
func (r *Regex) Match(text string) []int { return r.match(text, 0) }

// match is Match from an offset on.
func (r *Regex) match(text string, start int) []int {
	m := machine{program: &r.program, text: text, slots: make([]int, r.program.slots), stack: make([]choice, 0, 16)}
	if start > 0 && r.from || !m.match(start, r.from) {
		return nil
	}
	return m.slots[:2*len(r.names)]
}

// ReplaceAll replaces each match in text with with, except an empty one right after
// another match. It returns text and false unless the expression is linear.
func (r *Regex) ReplaceAll(text, with string) (string, bool) {
	if !r.Linear() {
		return text, false
	}
	var replaced []byte
	end := 0 // of the last match
	for start := 0; start <= len(text); {
		at := r.match(text, start)
		if at == nil {
			break
		}
		replaced = append(replaced, text[end:at[0]]...)
		if at[1] > end || at[0] == 0 {
			replaced = append(replaced, with...)
		}
		end = at[1]
		_, size := utf8.DecodeRuneInString(text[start:])
		start = max(end, start+max(size, 1))
	}
	return string(append(replaced, text[end:]...)), true
}
