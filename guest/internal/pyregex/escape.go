package pyregex

import (
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/tenantedge/tenantedge/guest/internal/lexeme"
)

// escape parses an escape outside of brackets, after its backslash.
func (p *parser) escape(f flags) *node {
	before := p.rest
	switch r := p.next("a character after a backslash"); r {
	case 'A':
		return &node{op: opAssert, assertion: textStart}
	case 'Z', 'z':
		return &node{op: opAssert, assertion: textEnd}
	case 'b':
		return &node{op: opAssert, assertion: boundary, ascii: f.ascii}
	case 'B':
		return &node{op: opAssert, assertion: noBoundary, ascii: f.ascii}
	case 'd', 'D', 's', 'S', 'w', 'W':
		return &node{op: opSet, set: &class{items: []classItem{named(r, f)}}}
	case '1', '2', '3', '4', '5', '6', '7', '8', '9':
		p.rest = before
		return p.numbered(f)
	default:
		p.rest = before
		return literal(p.escapedRune(), f)
	}
}

// named returns the class of \d, \D, \s, \S, \w or \W.
func named(letter rune, f flags) classItem {
	item := classItem{named: true, ascii: f.ascii, negated: letter < 'a'}
	switch letter | 0x20 {
	case 'd':
		item.category = digit
	case 's':
		item.category = space
	default:
		item.category = word
	}
	return item
}

// numbered parses a back reference, or a character as three octal digits.
func (p *parser) numbered(f flags) *node {
	digits := p.digits(2)
	if len(digits) == 2 && isOctal(digits) && p.rest != "" && isOctal(p.rest[:1]) {
		digits, p.rest = digits+p.rest[:1], p.rest[1:]
		return literal(octal(digits), f)
	}
	group, _ := lexeme.Uint(digits, 10, 99)
	return p.backref(int(group), f)
}

// digits parses at most n decimal digits.
func (p *parser) digits(n int) string {
	i := 0
	for i < n && i < len(p.rest) && '0' <= p.rest[i] && p.rest[i] <= '9' {
		i++
	}
	digits := p.rest[:i]
	p.rest = p.rest[i:]
	return digits
}

func isOctal(s string) bool { return strings.Trim(s, "01234567") == "" }

func octal(digits string) rune {
	n, ok := lexeme.Uint(digits, 8, 0o377)
	if !ok {
		fail(`expected an octal number up to \377, found \`, digits)
	}
	return rune(n)
}

// escapedRune parses an escape for one character, after its backslash.
func (p *parser) escapedRune() rune {
	switch r := p.next("a character after a backslash"); r {
	case 'a':
		return '\a'
	case 'f':
		return '\f'
	case 'n':
		return '\n'
	case 'r':
		return '\r'
	case 't':
		return '\t'
	case 'v':
		return '\v'
	case 'x':
		return p.hex(2)
	case 'u':
		return p.hex(4)
	case 'U':
		return p.hex(8)
	case 'N':
		fail("character names are not supported: write \\N{…} as \\u and its number")
		return 0
	case '0':
		digits := "0"
		for len(digits) < 3 && p.rest != "" && isOctal(p.rest[:1]) {
			digits, p.rest = digits+p.rest[:1], p.rest[1:]
		}
		return octal(digits)
	default:
		if isLetterASCII(r) {
			fail(`expected an escape of Python's syntax, found \`, string(r))
		}
		return r
	}
}

func (p *parser) hex(digits int) rune {
	if len(p.rest) < digits {
		fail("expected ", strconv.Itoa(digits), " hexadecimal digits")
	}
	n, ok := lexeme.Uint(p.rest[:digits], 16, utf8.MaxRune)
	if !ok {
		fail("expected ", strconv.Itoa(digits), " hexadecimal digits of a character, found ", lexeme.Quote(p.rest[:digits]))
	}
	p.rest = p.rest[digits:]
	return rune(n)
}

// class parses a bracket expression after its opening bracket.
func (p *parser) class(f flags) *class {
	c := &class{negated: p.skip("^")}
	for {
		if len(c.items) > 0 && p.skip("]") {
			return c
		}
		item := p.classItem(f)
		if !p.skip("-") {
			c.items = append(c.items, item)
			continue
		}
		if p.skip("]") {
			c.items = append(c.items, item, classItem{lo: '-', hi: '-'})
			return c
		}
		last := p.classItem(f)
		if item.named || last.named || item.lo > last.lo {
			fail("expected a range in brackets to go from a character to a later one")
		}
		item.hi = last.lo
		c.items = append(c.items, item)
	}
}

func (p *parser) classItem(f flags) classItem {
	r := p.next("a ] that closes a bracket")
	if r != '\\' {
		return classItem{lo: r, hi: r}
	}
	before := p.rest
	switch r = p.next("a character after a backslash"); {
	case strings.ContainsRune("dDsSwW", r):
		return named(r, f)
	case r == 'b':
		return classItem{lo: '\b', hi: '\b'}
	case '1' <= r && r <= '7':
		digits := string(r)
		for len(digits) < 3 && p.rest != "" && isOctal(p.rest[:1]) {
			digits, p.rest = digits+p.rest[:1], p.rest[1:]
		}
		r = octal(digits)
	case r == '8' || r == '9':
		fail(`expected an escape of Python's syntax, found \`, string(r), " in brackets")
	default:
		p.rest = before
		r = p.escapedRune()
	}
	return classItem{lo: r, hi: r}
}

// Quote returns an expression that matches s.
func Quote(s string) string {
	var quoted []byte
	for i := range len(s) {
		if c := s[i]; c < utf8.RuneSelf && c != '_' && !isLetterASCII(rune(c)) && (c < '0' || c > '9') {
			quoted = append(quoted, '\\')
		}
		quoted = append(quoted, s[i])
	}
	return string(quoted)
}
