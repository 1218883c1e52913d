package pyregex

import (
	"regexp"
	"strings"
	"unicode/utf8"
)

// Regex is a compiled expression. It is safe for concurrent use.
type Regex struct {
	names  []string
	linear *regexp.Regexp // nil: no equivalent in Go's syntax
	except cases

	program []instruction // for the texts that linear does not match as Python does
	slots   int
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
	r.linear, r.except = inGo(n, full)
	if r.linear == nil || r.except != (cases{}) {
		r.program, r.slots, err = compile(n, len(names), full)
	}
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

// Linear reports whether text is matched in linear time.
func (r *Regex) Linear(text string) bool {
	return r.linear != nil &&
		(!r.except.lineFeedAtEnd || !strings.HasSuffix(text, "\n")) &&
		(!r.except.notASCII || isASCII(text)) &&
		(!r.except.empty || text != "")
}

// Match returns the leftmost match in text, which must be UTF-8: two offsets for the
// match and two for each group, -1 for a group that did not take part; nil for no
// match.
func (r *Regex) Match(text string) []int {
	if r.Linear(text) {
		return r.linear.FindStringSubmatchIndex(text)
	}
	m := machine{program: r.program, text: text, slots: make([]int, r.slots)}
	if !m.match(r.from) {
		return nil
	}
	return m.slots[:2*len(r.names)]
}

// ReplaceAll replaces each match in text with with. It returns text and false if the
// text is not matched in linear time.
func (r *Regex) ReplaceAll(text, with string) (string, bool) {
	if !r.Linear(text) {
		return text, false
	}
	return r.linear.ReplaceAllLiteralString(text, with), true
}

func isASCII(s string) bool {
	for i := range len(s) {
		if s[i] >= utf8.RuneSelf {
			return false
		}
	}
	return true
}
