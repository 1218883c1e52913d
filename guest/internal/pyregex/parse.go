package pyregex

import (
	"errors"
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"
)

// Expressions come from the configuration; these bound what a slip can cost.
const (
	maxDepth  = 250
	maxRepeat = 1 << 20
)

// flags are those in force where the parser is.
type flags struct {
	fold, multiline, dotAll, verbose, ascii bool
}

func (f *flags) folding() fold {
	switch {
	case !f.fold:
		return exactly
	case f.ascii:
		return foldASCII
	default:
		return foldUnicode
	}
}

// parser reads an expression. Errors are thrown as syntaxError.
type parser struct {
	rest   string
	names  []string // by group, the first is that of all
	widths [][2]int // by group
	open   []bool   // by group: the parser is inside of it
	depth  int
	behind int // look-behinds around the parser
	since  int // groups that there were before the outermost of them
	asked  int // the highest group that a condition names by number
}

type syntaxError struct{ error }

// errVerbose asks for the expression to be read anew under (?x), which holds
// for what stands before it too.
var errVerbose = errors.New("verbose")

//go:noinline
func fail(format string, args ...any) {
	panic(syntaxError{fmt.Errorf(format, args...)})
}

// parse reads expr. names are those of its groups.
func parse(expr string) (n *node, names []string, err error) {
	p, n, err := parseUnder(expr, flags{})
	if errors.Is(err, errVerbose) {
		p, n, err = parseUnder(expr, flags{verbose: true})
	}
	if err != nil {
		return nil, nil, err
	}
	return n, p.names, nil
}

func parseUnder(expr string, f flags) (p *parser, n *node, err error) {
	p = &parser{rest: expr, names: []string{""}, widths: [][2]int{{}}, open: []bool{true}}
	defer func() {
		if caught := recover(); caught != nil {
			syntax, ok := caught.(syntaxError)
			if !ok {
				panic(caught)
			}
			err = syntax.error
		}
	}()
	n = p.choice(f, true)
	if p.rest != "" {
		fail("expected the end, found a ) that closes nothing")
	}
	if p.asked >= len(p.names) {
		fail("expected the number of a group as a condition, found %d", p.asked)
	}
	return p, n, nil
}

// take keeps the many calls of it small in a guest.
//
//go:noinline
func (p *parser) take(prefix string) bool {
	rest, ok := strings.CutPrefix(p.rest, prefix)
	p.rest = rest
	return ok
}

// next takes one character. There must be one.
func (p *parser) next(what string) rune {
	if p.rest == "" {
		fail("expected %s, found the end", what)
	}
	r, size := utf8.DecodeRuneInString(p.rest)
	p.rest = p.rest[size:]
	return r
}

// choice reads alternatives up to a closing parenthesis or the end. The flags
// at the very beginning hold for all of them.
func (p *parser) choice(f flags, outermost bool) *node {
	if p.depth++; p.depth > maxDepth {
		fail("expected at most %d groups inside of each other", maxDepth)
	}
	defer func() { p.depth-- }()
	if outermost {
		f = p.globalFlags(f)
	}
	subs := []*node{p.concat(f)}
	for p.take("|") {
		subs = append(subs, p.concat(f))
	}
	if len(subs) == 1 {
		return subs[0]
	}
	return &node{op: opChoice, subs: subs}
}

// globalFlags reads (?i) and the like, which may stand at the beginning alone.
func (p *parser) globalFlags(f flags) flags {
	for {
		p.blanks(f)
		if p.comment() {
			continue
		}
		letters, ok := strings.CutPrefix(p.rest, "(?")
		end := strings.IndexFunc(letters, func(r rune) bool { return !unicode.IsLetter(r) })
		if !ok || end <= 0 || letters[end] != ')' {
			return f
		}
		p.rest = letters[end+1:]
		before := f.verbose
		f = set(f, letters[:end])
		if f.verbose && !before {
			panic(syntaxError{errVerbose})
		}
	}
}

// set switches flags on.
func set(f flags, letters string) flags {
	if strings.Contains(letters, "a") && strings.Contains(letters, "u") {
		fail("the flags a and u exclude each other")
	}
	for _, letter := range letters {
		switch letter {
		case 'i':
			f.fold = true
		case 'm':
			f.multiline = true
		case 's':
			f.dotAll = true
		case 'x':
			f.verbose = true
		case 'a':
			f.ascii = true
		case 'u':
			f.ascii = false
		case 'L':
			fail("the flag L is for bytes, and a path is text")
		default:
			fail("expected flags among aimsux, found %q", letter)
		}
	}
	return f
}

// unset switches flags off.
func unset(f flags, letters string) flags {
	for _, letter := range letters {
		switch letter {
		case 'i':
			f.fold = false
		case 'm':
			f.multiline = false
		case 's':
			f.dotAll = false
		case 'x':
			f.verbose = false
		default:
			fail("expected flags among imsx to switch off, found %q", letter)
		}
	}
	return f
}

// blanks skips what (?x) lets be written for people.
func (p *parser) blanks(f flags) {
	for f.verbose && p.rest != "" {
		switch p.rest[0] {
		case ' ', '\t', '\n', '\r', '\v', '\f':
			p.rest = p.rest[1:]
		case '#':
			_, p.rest, _ = strings.Cut(p.rest, "\n")
		default:
			return
		}
	}
}

// comment skips (?#…).
func (p *parser) comment() bool {
	if !p.take("(?#") {
		return false
	}
	_, rest, ok := strings.Cut(p.rest, ")")
	if !ok {
		fail("expected a ) after a comment, found the end")
	}
	p.rest = rest
	return true
}

// concat reads up to a |, a closing parenthesis or the end.
func (p *parser) concat(f flags) *node {
	var subs []*node
	for {
		p.blanks(f)
		if p.comment() {
			continue
		}
		if p.rest == "" || p.rest[0] == '|' || p.rest[0] == ')' {
			break
		}
		if p.repeats() {
			subs = p.repeat(subs)
			continue
		}
		subs = append(subs, p.atom(f))
	}
	switch len(subs) {
	case 0:
		return &node{op: opEmpty}
	case 1:
		return subs[0]
	}
	return &node{op: opConcat, subs: subs}
}

// atom reads what a quantifier may follow.
func (p *parser) atom(f flags) *node {
	switch r := p.next("an expression"); r {
	case '.':
		if f.dotAll {
			return &node{op: opAnyRune}
		}
		return &node{op: opAny}
	case '^':
		if f.multiline {
			return &node{op: opAssert, place: lineStart}
		}
		return &node{op: opAssert, place: textStart}
	case '$':
		if f.multiline {
			return &node{op: opAssert, place: lineEnd}
		}
		return &node{op: opAssert, place: lastLineEnd}
	case '(':
		return p.group(f)
	case '[':
		return &node{op: opSet, set: p.class(f), fold: f.folding()}
	case '\\':
		return p.escape(f)
	default:
		return literal(r, f)
	}
}

func literal(r rune, f flags) *node { return &node{op: opRune, rune: r, fold: f.folding()} }

// repeats reports whether a quantifier comes next. A brace that begins none is
// itself.
func (p *parser) repeats() bool {
	switch p.rest[0] {
	case '*', '+', '?':
		return true
	case '{':
		_, _, length := bounds(p.rest)
		return length > 0
	}
	return false
}

// bounds reads {m}, {m,}, {,n} and {m,n}, and how long it is, or 0. What is
// not given is unlimited.
func bounds(s string) (lo, hi, length int) {
	i := 1
	number := func() int {
		n := unlimited
		for ; i < len(s) && '0' <= s[i] && s[i] <= '9'; i++ {
			n = min(max(n, 0)*10+int(s[i]-'0'), maxRepeat+1)
		}
		return n
	}
	lo = number()
	switch {
	case i < len(s) && s[i] == ',':
		i++
		hi = number()
	case i == 1:
		return 0, 0, 0
	default:
		hi = lo
	}
	if i >= len(s) || s[i] != '}' {
		return 0, 0, 0
	}
	return max(lo, 0), hi, i + 1
}

// repeat reads a quantifier and lets it hold for the last of subs.
func (p *parser) repeat(subs []*node) []*node {
	n := &node{op: opRepeat, max: unlimited}
	switch p.rest[0] {
	case '*':
		p.rest = p.rest[1:]
	case '+':
		n.min, p.rest = 1, p.rest[1:]
	case '?':
		n.max, p.rest = 1, p.rest[1:]
	default:
		var length int
		n.min, n.max, length = bounds(p.rest)
		p.rest = p.rest[length:]
	}
	switch {
	case len(subs) == 0 || subs[len(subs)-1].op == opAssert:
		fail("expected something to repeat before a quantifier, found nothing")
	case subs[len(subs)-1].op == opRepeat:
		fail("expected something to repeat before a quantifier, found another quantifier")
	case n.max != unlimited && n.max < n.min:
		fail("expected at least %d as the upper bound of a repetition, found %d", n.min, n.max)
	case n.min > maxRepeat || n.max > maxRepeat:
		fail("expected at most %d repetitions", maxRepeat)
	}
	switch {
	case p.take("?"):
		n.manner = lazy
	case p.take("+"):
		n.manner = possessive
	}
	n.subs = []*node{subs[len(subs)-1]}
	subs[len(subs)-1] = n
	return subs
}
