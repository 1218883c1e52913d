package pyregex

import (
	"math"
	"strconv"
	"strings"
	"unicode"

	"github.com/tenantedge/tenantedge/guest/internal/lexeme"
)

// group parses a group after its opening parenthesis.
func (p *parser) group(f flags) *node {
	if !p.skip("?") {
		return p.capture(f, "")
	}
	switch {
	case p.skip(":"):
		return p.body(f)
	case p.skip("P<"):
		return p.capture(f, p.name('>'))
	case p.skip("P="):
		return p.backref(p.named(p.name(')')), f)
	case p.skip(">"):
		return &node{op: opAtomic, subs: []*node{p.body(f)}}
	case p.skip("="):
		return p.look(f, false, false)
	case p.skip("!"):
		return p.look(f, false, true)
	case p.skip("<="):
		return p.look(f, true, false)
	case p.skip("<!"):
		return p.look(f, true, true)
	case p.skip("("):
		return p.conditional(f)
	}
	end := strings.IndexAny(p.rest, ":)")
	if end < 0 || strings.ContainsFunc(p.rest[:end], func(r rune) bool { return r != '-' && !unicode.IsLetter(r) }) {
		fail("expected a group of Python's syntax, found (?", beginning(p.rest))
	}
	on, off, minus := strings.Cut(p.rest[:end], "-")
	if p.rest[end] == ')' {
		fail("expected flags such as (?", p.rest[:end], ") at the beginning of the expression")
	}
	if minus && off == "" || strings.ContainsAny(on, off) {
		fail("expected other flags to be switched off than on, found (?", p.rest[:end], ":")
	}
	p.rest = p.rest[end+1:]
	return p.body(unset(set(f, on), off))
}

// beginning returns the first characters of s.
func beginning(s string) string {
	n := 0
	for i := range s {
		if n++; n > 10 {
			return s[:i]
		}
	}
	return s
}

// body parses up to and including the parenthesis that closes a group. It wraps
// repetitions and assertions, so that a quantifier may follow.
func (p *parser) body(f flags) *node {
	n := p.choice(f, false)
	if !p.skip(")") {
		fail("expected a ) that closes a group, found the end")
	}
	if n.op == opRepeat || n.op == opAssert {
		return &node{op: opConcat, subs: []*node{n}}
	}
	return n
}

func (p *parser) capture(f flags, name string) *node {
	for _, other := range p.names {
		if name != "" && name == other {
			fail("expected each name of a group once, found ", lexeme.Quote(name), " twice")
		}
	}
	number := len(p.names)
	p.names, p.open, p.widths = append(p.names, name), append(p.open, true), append(p.widths, [2]int{})
	n := p.body(f)
	p.open[number] = false
	lo, hi := n.widths(p.widths)
	p.widths[number] = [2]int{lo, hi}
	return &node{op: opCapture, group: number, subs: []*node{n}}
}

// name parses a name up to and including end.
func (p *parser) name(end byte) string {
	at := strings.IndexByte(p.rest, end)
	if at < 0 {
		fail("expected ", string(rune(end)), " after the name of a group")
	}
	name := p.rest[:at]
	if !IsIdentifier(name) {
		fail("expected an identifier as the name of a group, found ", lexeme.Quote(name))
	}
	p.rest = p.rest[at+1:]
	return name
}

// named returns the number of the group of that name.
func (p *parser) named(name string) int {
	for number, other := range p.names {
		if name == other {
			return number
		}
	}
	fail("expected the name of a group before, found ", lexeme.Quote(name))
	return 0
}

func (p *parser) backref(group int, f flags) *node {
	switch {
	case group >= len(p.names):
		fail(`expected a reference to a group before, found \`, strconv.Itoa(group))
	case p.open[group]:
		fail("expected a reference to a group that is closed, found one to the group around it")
	case p.behind > 0 && group >= p.since:
		fail("expected no reference to a group of the same look-behind")
	}
	return &node{op: opBackref, group: group, fold: f.folding()}
}

func (p *parser) look(f flags, behind, negated bool) *node {
	if behind {
		if p.behind++; p.behind == 1 {
			p.since = len(p.names)
		}
	}
	sub := p.body(f)
	n := &node{op: opLook, behind: behind, negated: negated, subs: []*node{sub}}
	if behind {
		p.behind--
		lo, hi := sub.widths(p.widths)
		if lo != hi {
			fail("expected a look-behind to have one width, found ", strconv.Itoa(lo), " to ", strconv.Itoa(hi), " characters")
		}
		n.width = lo
	}
	return n
}

// conditional parses (?(group)yes|no) after "(?(".
func (p *parser) conditional(f flags) *node {
	condition, rest, ok := strings.Cut(p.rest, ")")
	if !ok {
		fail("expected a ) after a condition, found the end")
	}
	p.rest = rest
	var group int
	if number, ok := lexeme.Uint(condition, 10, math.MaxInt32); ok {
		// As in Python, the number may be that of a later group.
		if group = int(number); group == 0 {
			fail("expected the number of a group as a condition, found 0")
		}
		p.condition = max(p.condition, group)
	} else {
		group = p.named(condition)
	}
	if p.behind > 0 && group >= p.since {
		fail("expected no reference to a group of the same look-behind")
	}
	n := &node{op: opIfMatch, group: group, subs: []*node{p.concat(f), {op: opEmpty}}}
	if p.skip("|") {
		n.subs[1] = p.concat(f)
	}
	if !p.skip(")") {
		fail("expected a condition to have at most two branches")
	}
	return n
}

// IsIdentifier reports whether s is an identifier in Python.
func IsIdentifier(s string) bool {
	for i, r := range s {
		start := r == '_' || unicode.IsLetter(r) || unicode.Is(unicode.Nl, r) || unicode.Is(unicode.Other_ID_Start, r)
		if !start && (i == 0 || !unicode.In(r, unicode.Nd, unicode.Mn, unicode.Mc, unicode.Pc, unicode.Other_ID_Continue)) {
			return false
		}
	}
	return s != ""
}
