package pyregex

import (
	"regexp"
	"strings"
	"unicode/utf8"
)

// Regex is a compiled expression. It may be used by many goroutines.
type Regex struct {
	names  []string
	linear *regexp.Regexp // nil: Go's syntax cannot say it
	except cases

	program []instruction // for the texts that linear is not for, if there are any
	slots   int
	from    bool // matches begin at the start of the text
}

// Compile reads an expression. As in Django's re_path(), it matches anywhere
// in a path unless anchored, and one that ends in "$" must match all of it.
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

// startsText reports whether n matches at the start of the text alone.
func startsText(n *node) bool {
	switch n.op {
	case opAssert:
		return n.place == textStart
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

// Names are the names of the groups, empty for those without. The first is
// that of all, and always empty.
func (r *Regex) Names() []string { return r.names }

// Linear reports whether text is matched in linear time.
func (r *Regex) Linear(text string) bool {
	return r.linear != nil &&
		(!r.except.lineFeedAtEnd || !strings.HasSuffix(text, "\n")) &&
		(!r.except.notASCII || isASCII(text)) &&
		(!r.except.empty || text != "")
}

// Match finds the leftmost match in text, which is UTF-8: two offsets for all
// and two for each group, -1 for one that took no part. It is nil if there is
// none.
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

// ReplaceAll puts with in place of each match in text. It fails for those that
// are not matched in linear time.
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
