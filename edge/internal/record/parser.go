package record

import (
	"errors"
	"fmt"
	"math"
	"unicode/utf8"
	"unsafe"
)

// parser parses one line: a JSON object with known keys, in any order. Its texts share
// the bytes of the line, which must not change.
type parser struct {
	b   []byte
	i   int
	err error
}

func newParser(line []byte) *parser { return &parser{b: line} }

func (p *parser) fail(format string, args ...any) {
	if p.err == nil {
		p.err = fmt.Errorf("at byte %d: "+format, append([]any{p.i + 1}, args...)...)
	}
	p.i = len(p.b) // so that everything else ends soon
}

func (p *parser) failure() error { return p.err }

func (p *parser) unknown(key string) { p.fail("expected a key that FORMAT.md lists, found %.40q", key) }

// peek returns the next byte that is not a blank; 0: there is none.
func (p *parser) peek() byte {
	for p.i < len(p.b) {
		c := p.b[p.i]
		if c != ' ' && c != '\t' && c != '\r' && c != '\n' {
			return c
		}
		p.i++
	}
	return 0
}

func (p *parser) expect(c byte) bool {
	if p.peek() != c {
		p.fail("expected %q, found %s", c, p.found())
		return false
	}
	p.i++
	return true
}

// found describes what comes next.
func (p *parser) found() string {
	if p.i >= len(p.b) {
		return "the end of the line"
	}
	return fmt.Sprintf("%q", p.b[p.i:min(len(p.b), p.i+10)])
}

// end expects the end of the line.
func (p *parser) end() {
	if p.peek() != 0 || p.i < len(p.b) {
		p.fail("expected the end of the line, found %s", p.found())
	}
}

// object parses an object. It calls value for each key, which parses the value.
func (p *parser) object(value func(key string)) {
	if !p.expect('{') {
		return
	}
	if p.peek() == '}' {
		p.i++
		return
	}
	for {
		key := p.text()
		if !p.expect(':') {
			return
		}
		value(key)
		if !p.more('}') {
			return
		}
	}
}

// array parses an array. It calls item before each item, which parses it.
func (p *parser) array(item func()) {
	if !p.expect('[') {
		return
	}
	if p.peek() == ']' {
		p.i++
		return
	}
	for {
		item()
		if !p.more(']') {
			return
		}
	}
}

// more reports whether a comma follows, and not the end of the object or array.
func (p *parser) more(end byte) bool {
	if p.err != nil {
		return false
	}
	switch p.peek() {
	case ',':
		p.i++
		return true
	case end:
		p.i++
		return false
	}
	p.fail("expected a comma or %q, found %s", end, p.found())
	return false
}

// text parses a string.
func (p *parser) text() string {
	if !p.expect('"') {
		return ""
	}
	from, wide := p.i, false
	for i := p.i; i < len(p.b); i++ {
		c := p.b[i]
		switch {
		case plain[c]:
		case c >= utf8.RuneSelf:
			wide = true
		case c == '"':
			p.i = i + 1
			text := p.b[from:i]
			if wide && !utf8.Valid(text) {
				p.i = from
				p.fail("expected UTF-8, found an invalid byte; write it as \\udc80 to \\udcff")
				return ""
			}
			return view(text)
		case c == '\\':
			return p.escaped(from)
		default:
			p.i = i
			p.fail("expected no control character in a string, found %#02x; escape it", c)
			return ""
		}
	}
	p.i = len(p.b)
	p.fail("expected the end of the string, found %s", p.found())
	return ""
}

func view(b []byte) string { return unsafe.String(unsafe.SliceData(b), len(b)) }

var escapes = [256]byte{'"': '"', '\\': '\\', '/': '/', 'b': '\b', 'f': '\f', 'n': '\n', 'r': '\r', 't': '\t'}

// escaped parses a string with escapes that begins at from.
func (p *parser) escaped(from int) string {
	var out []byte
	for i := from; i < len(p.b); {
		c := p.b[i]
		switch {
		case c == '"':
			p.i = i + 1
			return view(out)
		case c < ' ':
			p.i = i
			p.fail("expected no control character in a string, found %#02x; escape it", c)
			return ""
		case c >= utf8.RuneSelf:
			r, n := utf8.DecodeRune(p.b[i:])
			if r == utf8.RuneError && n == 1 {
				p.i = i
				p.fail("expected UTF-8, found an invalid byte; write it as \\udc80 to \\udcff")
				return ""
			}
			out = append(out, p.b[i:i+n]...)
			i += n
		case c != '\\':
			out = append(out, c)
			i++
		case i+1 < len(p.b) && escapes[p.b[i+1]] != 0:
			out = append(out, escapes[p.b[i+1]])
			i += 2
		default:
			n, ok := unicodeEscape(p.b[i:], &out)
			if !ok {
				p.i = i
				p.fail("expected an escape of JSON, found %s", p.found())
				return ""
			}
			i += n
		}
	}
	p.i = len(p.b)
	p.fail("expected the end of the string, found %s", p.found())
	return ""
}

// unicodeEscape appends what \uXXXX stands for: a character, the first half of a pair of
// surrogates, or a single byte. It returns the number of bytes read.
func unicodeEscape(b []byte, out *[]byte) (n int, ok bool) {
	r, ok := hexEscape(b)
	switch {
	case !ok:
		return 0, false
	case r >= 0xdc80 && r <= 0xdcff:
		*out = append(*out, byte(r))
		return 6, true
	case r >= 0xd800 && r <= 0xdbff:
		low, ok := hexEscape(b[6:])
		if !ok || low < 0xdc00 || low > 0xdfff {
			return 0, false
		}
		*out = utf8.AppendRune(*out, (r-0xd800)<<10+(low-0xdc00)+0x10000)
		return 12, true
	case r >= 0xdc00 && r <= 0xdfff:
		return 0, false
	}
	*out = utf8.AppendRune(*out, r)
	return 6, true
}

func hexEscape(b []byte) (r rune, ok bool) {
	if len(b) < 6 || b[0] != '\\' || b[1] != 'u' {
		return 0, false
	}
	for _, c := range b[2:6] {
		switch {
		case c >= '0' && c <= '9':
			r = r<<4 | rune(c-'0')
		case c|0x20 >= 'a' && c|0x20 <= 'f':
			r = r<<4 | rune(c|0x20-'a'+10)
		default:
			return 0, false
		}
	}
	return r, true
}

// number parses an integer from 0 to 2⁶³-1.
func (p *parser) number() int64 {
	p.peek()
	from, n := p.i, int64(0)
	for p.i < len(p.b) {
		c := p.b[p.i]
		if c < '0' || c > '9' {
			break
		}
		if n > (math.MaxInt64-int64(c-'0'))/10 || p.i > from && p.b[from] == '0' {
			p.i = from
			p.fail("expected an integer below 2^63 without leading zeros, found %s", p.found())
			return 0
		}
		n = 10*n + int64(c-'0')
		p.i++
	}
	if p.i == from {
		p.fail("expected an integer, found %s", p.found())
	}
	return n
}

func (p *parser) flag() bool {
	p.peek()
	for _, word := range []string{"true", "false"} {
		if rest := p.b[p.i:]; len(rest) >= len(word) && string(rest[:len(word)]) == word {
			p.i += len(word)
			return word == "true"
		}
	}
	p.fail("expected true or false, found %s", p.found())
	return false
}

// null parses null, if that is next.
func (p *parser) null() bool {
	if p.peek() == 'n' && len(p.b)-p.i >= 4 && string(p.b[p.i:p.i+4]) == "null" {
		p.i += 4
		return true
	}
	return false
}

func (p *parser) texts() (all []string) {
	p.array(func() { all = append(all, p.text()) })
	return all
}

// raw parses an object without its meaning, and returns its bytes.
func (p *parser) raw() []byte {
	p.peek()
	from := p.i
	p.skip(0)
	return p.b[from:p.i]
}

// maxDepth bounds the depth of values that raw skips.
const maxDepth = 8

func (p *parser) skip(depth int) {
	if depth > maxDepth {
		p.fail("expected at most %d levels, found more", maxDepth)
		return
	}
	switch c := p.peek(); {
	case c == '{':
		p.object(func(string) { p.skip(depth + 1) })
	case c == '[':
		p.array(func() { p.skip(depth + 1) })
	case c == '"':
		p.text()
	case c == 't' || c == 'f':
		p.flag()
	case p.null():
	default:
		p.number()
	}
}

var errFirstKey = errors.New(`expected {"v":, {"r":, {"a": or {"t": at the beginning of the line`)
