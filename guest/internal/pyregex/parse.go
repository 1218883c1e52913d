package pyregex

import (
	"errors"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/tenantedge/tenantedge/guest/internal/lexeme"
)

// Limits of an expression, against mistakes in the configuration.
const (
	maxDepth  = 250
	maxRepeat = 1 << 20
)

// flags are the flags in effect at the parser's position.
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

// parser parses an expression. It panics with a syntaxError.
type parser struct {
	rest      string
	names     []string // by group; the first is that of the entire match
	widths    [][2]int // by group
	open      []bool   // by group: the parser is inside the group
	depth     int
	behind    int // look-behinds around the parser
	since     int // groups before the outermost look-behind
	condition int // the highest group number in a condition
}

type syntaxError struct{ error }

// errVerbose reports a global flag x. The expression is parsed again with it, since
// the flag also applies to the text before it.
var errVerbose = errors.New("verbose")

//go:noinline
func fail(parts ...string) { panic(syntaxError{errors.New(strings.Join(parts, ""))}) }

// parse parses expr and returns its tree and the names of its groups.
func parse(expr string) (n *node, names []string, err error) {
	p, n, err := parseUnder(expr, flags{})
	if err == errVerbose {
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
	if p.condition >= len(p.names) {
		fail("expected the number of a group as a condition, found ", strconv.Itoa(p.condition))
	}
	return p, n, nil
}

// skip removes prefix, and reports whether it was there. It is not inlined, which
// makes the Wasm smaller.
//
//go:noinline
func (p *parser) skip(prefix string) bool {
	rest, ok := strings.CutPrefix(p.rest, prefix)
	p.rest = rest
	return ok
}

// next takes one character. At the end it fails: expected what.
func (p *parser) next(what string) rune {
	if p.rest == "" {
		fail("expected ", what, ", found the end")
	}
	r, size := utf8.DecodeRuneInString(p.rest)
	p.rest = p.rest[size:]
	return r
}

// choice parses alternatives up to a closing parenthesis or the end. Global flags
// at the beginning apply to all of them.
func (p *parser) choice(f flags, outermost bool) *node {
	if p.depth++; p.depth > maxDepth {
		fail("expected at most ", strconv.Itoa(maxDepth), " nested groups")
	}
	defer func() { p.depth-- }()
	if outermost {
		f = p.globalFlags(f)
	}
	subs := []*node{p.concat(f)}
	for p.skip("|") {
		subs = append(subs, p.concat(f))
	}
	if len(subs) == 1 {
		return subs[0]
	}
	return &node{op: opChoice, subs: subs}
}

// globalFlags parses flags such as (?i), which are allowed only at the beginning.
func (p *parser) globalFlags(f flags) flags {
	for {
		p.space(f)
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

// set returns f with flags set.
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
			fail("the flag L applies to bytes only, and a path is text")
		default:
			fail("expected flags among aimsux, found ", lexeme.Quote(string(letter)))
		}
	}
	return f
}

// unset returns f with flags cleared.
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
			fail("expected flags among imsx to switch off, found ", lexeme.Quote(string(letter)))
		}
	}
	return f
}

// space skips the white space and comments of (?x).
func (p *parser) space(f flags) {
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

// comment skips (?#…), and reports whether there was one.
func (p *parser) comment() bool {
	if !p.skip("(?#") {
		return false
	}
	_, rest, ok := strings.Cut(p.rest, ")")
	if !ok {
		fail("expected a ) after a comment, found the end")
	}
	p.rest = rest
	return true
}

// concat parses up to a |, a closing parenthesis or the end.
func (p *parser) concat(f flags) *node {
	var subs []*node
	for {
		p.space(f)
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

// atom parses an expression that a quantifier may follow.
func (p *parser) atom(f flags) *node {
	switch r := p.next("an expression"); r {
	case '.':
		if f.dotAll {
			return &node{op: opAnyRune}
		}
		return &node{op: opAny}
	case '^':
		if f.multiline {
			return &node{op: opAssert, assertion: lineStart}
		}
		return &node{op: opAssert, assertion: textStart}
	case '$':
		if f.multiline {
			return &node{op: opAssert, assertion: lineEnd}
		}
		return &node{op: opAssert, assertion: lastLineEnd}
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

// repeats reports whether a quantifier comes next. A brace that does not begin one
// is a literal.
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

// bounds parses {m}, {m,}, {,n} or {m,n} at the start of s, and returns the length
// of the text, 0 if there is none. A missing n is unlimited, a missing m is 0.
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

// repeat parses a quantifier and applies it to the last of subs.
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
		fail("expected at least ", strconv.Itoa(n.min), " as the upper bound of a repetition, found ", strconv.Itoa(n.max))
	case n.min > maxRepeat || n.max > maxRepeat:
		fail("expected at most ", strconv.Itoa(maxRepeat), " repetitions")
	}
	switch {
	case p.skip("?"):
		n.manner = lazy
	case p.skip("+"):
		n.manner = possessive
	}
	n.subs = []*node{subs[len(subs)-1]}
	subs[len(subs)-1] = n
	return subs
}
