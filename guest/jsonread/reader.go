// Package jsonread reads JSON: the settings of a guest, or the claims of a token.
// Importing encoding/json would make a guest larger.
//
//	var percent int
//	err := jsonread.Object(document, jsonread.Members{"percent": &percent}.Read)
package jsonread

import (
	"errors"
	"math"
	"strconv"
	"strings"
	"unicode/utf16"
	"unicode/utf8"

	"github.com/tenantedge/tenantedge/guest/internal/lexeme"
)

// Object reads a document that is one object or null. It calls member for each key
// to read the value with r. An error has the offset of the byte, and what was
// expected there.
func Object(document []byte, member func(r *Reader, key string)) error {
	return Document(document, func(r *Reader) {
		r.Object(func(key string) { member(r, key) })
	})
}

// Document calls value to read a document, which must be one value.
func Document(document []byte, value func(r *Reader)) error {
	r := Reader{b: document}
	value(&r)
	if r.space(); r.at < len(r.b) {
		r.Fail("the end of the document")
	}
	return r.err
}

// Reader reads the JSON values of a document one after another. After the first
// error it reads nothing.
type Reader struct {
	b     []byte
	at    int // offset of the next byte
	depth int // nesting of arrays and objects
	err   error
}

// maxDepth is the maximum nesting of arrays and objects. That of encoding/json, 10,000,
// does not fit the stack of a guest, which clients could exhaust.
const maxDepth = 200

// Fail makes reading fail, unless it has failed before: the error says what was
// expected at the next byte.
func (r *Reader) Fail(expected string) {
	if r.err == nil {
		r.err = errors.New("at byte " + strconv.Itoa(r.at) + ": expected " + expected)
	}
	r.at = len(r.b)
}

// space skips white space.
func (r *Reader) space() {
	for r.at < len(r.b) && (r.b[r.at] == ' ' || r.b[r.at] == '\t' || r.b[r.at] == '\n' || r.b[r.at] == '\r') {
		r.at++
	}
}

// next skips c, and reports whether it came next.
func (r *Reader) next(c byte) bool {
	r.space()
	if r.at < len(r.b) && r.b[r.at] == c {
		r.at++
		return true
	}
	return false
}

// Null skips null, and reports whether it came next.
func (r *Reader) Null() bool {
	r.space()
	return r.literal("null")
}

func (r *Reader) literal(w string) bool {
	if len(r.b)-r.at >= len(w) && string(r.b[r.at:][:len(w)]) == w {
		r.at += len(w)
		return true
	}
	return false
}

// Object reads an object or null. It calls member for each key to read the value.
// Keys that differ only in case are an error.
func (r *Reader) Object(member func(key string)) { r.object(member, strings.EqualFold) }

// TextMap reads an object of strings into m, or nil for null. Its keys may differ
// only in case.
func (r *Reader) TextMap(m *map[string]string) {
	if *m = nil; r.Null() {
		return
	}
	*m = map[string]string{}
	r.object(func(name string) {
		var value string
		r.Text(&value)
		(*m)[name] = value
	}, func(a, b string) bool { return a == b })
}

func (r *Reader) object(member func(key string), same func(a, b string) bool) {
	if r.Null() {
		return
	}
	if !r.next('{') {
		r.Fail("an object")
	}
	if !r.descend() {
		return
	}
	var seen []string
	for first := true; !r.next('}'); first = false {
		if !first && !r.next(',') {
			r.Fail(`"," or "}"`)
			return
		}
		if !r.IsText() {
			r.Fail("a key")
			return
		}
		key := r.quoted()
		for _, earlier := range seen {
			if same(earlier, key) {
				r.Fail("unique keys, found " + lexeme.Quote(key) + " twice")
				return
			}
		}
		seen = append(seen, key)
		if !r.next(':') {
			r.Fail(`":"`)
			return
		}
		member(key)
		if r.err != nil {
			return
		}
	}
	r.depth--
}

// Array reads an array or null. It calls element to read each element, and reports
// whether it has read an array.
func (r *Reader) Array(element func()) bool {
	if r.Null() {
		return false
	}
	if !r.next('[') {
		r.Fail("an array")
	}
	if !r.descend() {
		return false
	}
	for first := true; !r.next(']'); first = false {
		if !first && !r.next(',') {
			r.Fail(`"," or "]"`)
			return false
		}
		element()
		if r.err != nil {
			return false
		}
	}
	r.depth--
	return true
}

// IsText reports whether a string comes next.
func (r *Reader) IsText() bool {
	r.space()
	return r.at < len(r.b) && r.b[r.at] == '"'
}

// Text reads a string into s; null leaves s unchanged.
func (r *Reader) Text(s *string) {
	if r.Null() {
		return
	}
	if !r.IsText() {
		r.Fail("a string")
		return
	}
	*s = r.quoted()
}

// Optional reads a string, and returns nil for null.
func (r *Reader) Optional() *string {
	if r.Null() {
		return nil
	}
	s := new(string)
	r.Text(s)
	return s
}

// Texts reads an array of strings, or nil for null.
func Texts[S ~string](r *Reader, list *[]S) {
	var read []S
	if r.Array(func() {
		var s string
		r.Text(&s)
		read = append(read, S(s))
	}) && read == nil {
		read = []S{}
	}
	*list = read
}

// Integer reads an integer into n; null leaves n unchanged.
func (r *Reader) Integer(n *int) {
	if r.Null() {
		return
	}
	raw := r.Value()
	digits, negative := strings.CutPrefix(string(raw), "-")
	value, ok := lexeme.Uint(digits, 10, math.MaxInt64)
	if !ok && r.err == nil {
		r.at -= len(raw)
		r.Fail("an integer")
	}
	if *n = int(value); negative {
		*n = -*n
	}
}

// Bool reads true or false into b; null leaves b unchanged.
func (r *Reader) Bool(b *bool) {
	switch r.space(); {
	case r.literal("true"):
		*b = true
	case r.literal("false"):
		*b = false
	case !r.literal("null"):
		r.Fail("true or false")
	}
}

// Value skips a value and returns its JSON.
func (r *Reader) Value() []byte {
	r.space()
	start := r.at
	if r.at == len(r.b) {
		r.Fail("a value")
		return nil
	}
	switch c := r.b[r.at]; {
	case c == '{':
		r.skipObject()
	case c == '[':
		r.Array(func() { r.Value() })
	case c == '"':
		r.quoted()
	case c == '-' || '0' <= c && c <= '9':
		r.skipNumber()
	default:
		if !r.literal("null") && !r.literal("true") && !r.literal("false") {
			r.Fail("a value")
		}
	}
	return r.b[start:r.at]
}

// descend counts a level of nesting, unless reading has failed or it is too deep.
func (r *Reader) descend() bool {
	if r.depth == maxDepth {
		r.Fail("at most " + strconv.Itoa(maxDepth) + " levels of nesting")
	}
	if r.err != nil {
		return false
	}
	r.depth++
	return true
}

// skipObject skips an object, which may have duplicate keys.
func (r *Reader) skipObject() {
	if r.at++; !r.descend() {
		return
	}
	for first := true; !r.next('}'); first = false {
		if !first && !r.next(',') {
			r.Fail(`"," or "}"`)
			return
		}
		if !r.IsText() {
			r.Fail("a key")
			return
		}
		r.quoted()
		if !r.next(':') {
			r.Fail(`":"`)
			return
		}
		r.Value()
		if r.err != nil {
			return
		}
	}
	r.depth--
}

// skipNumber skips a number.
func (r *Reader) skipNumber() {
	if r.b[r.at] == '-' {
		r.at++
	}
	if n := r.skipDigits(); n == 0 || n > 1 && r.b[r.at-n] == '0' {
		r.Fail("a number")
		return
	}
	if r.at < len(r.b) && r.b[r.at] == '.' {
		r.at++
		if r.skipDigits() == 0 {
			r.Fail("a digit")
			return
		}
	}
	if r.at < len(r.b) && r.b[r.at]|0x20 == 'e' {
		r.at++
		if r.at < len(r.b) && (r.b[r.at] == '+' || r.b[r.at] == '-') {
			r.at++
		}
		if r.skipDigits() == 0 {
			r.Fail("a digit")
		}
	}
}

// skipDigits skips decimal digits and returns their number.
func (r *Reader) skipDigits() int {
	start := r.at
	for r.at < len(r.b) && '0' <= r.b[r.at] && r.b[r.at] <= '9' {
		r.at++
	}
	return r.at - start
}

// quoted reads the string that begins at r.at. Invalid UTF-8 becomes U+FFFD.
func (r *Reader) quoted() string {
	var s []byte
	for r.at++; r.at < len(r.b); {
		c := r.b[r.at]
		switch {
		case c == '"':
			r.at++
			return string(s)
		case c < ' ':
			r.Fail("no control character in a string")
			return ""
		case c == '\\':
			decoded, used := escaped(r.b[r.at:])
			if used == 0 {
				r.Fail("a valid escape sequence")
				return ""
			}
			s = utf8.AppendRune(s, decoded)
			r.at += used
		default:
			decoded, size := utf8.DecodeRune(r.b[r.at:])
			s = utf8.AppendRune(s, decoded)
			r.at += size
		}
	}
	r.Fail("a closing quote")
	return ""
}

// escaped decodes the escape sequence at the start of b, including the second half
// of a surrogate pair. It returns the number of bytes used, 0 if it is malformed.
func escaped(b []byte) (decoded rune, used int) {
	if len(b) < 2 {
		return 0, 0
	}
	if b[1] != 'u' {
		at := strings.IndexByte(`"\/bfnrt`, b[1])
		if at < 0 {
			return 0, 0
		}
		return rune("\"\\/\b\f\n\r\t"[at]), 2
	}
	decoded, ok := hexRune(b[2:])
	if !ok {
		return 0, 0
	}
	if utf16.IsSurrogate(decoded) {
		if len(b) >= 12 && b[6] == '\\' && b[7] == 'u' {
			if low, ok := hexRune(b[8:]); ok {
				if pair := utf16.DecodeRune(decoded, low); pair != utf8.RuneError {
					return pair, 12
				}
			}
		}
		decoded = utf8.RuneError
	}
	return decoded, 6
}

// hexRune decodes the four hexadecimal digits at the start of b.
func hexRune(b []byte) (rune, bool) {
	if len(b) < 4 {
		return 0, false
	}
	var n rune
	for _, c := range b[:4] {
		switch {
		case '0' <= c && c <= '9':
			c -= '0'
		case 'a' <= c|0x20 && c|0x20 <= 'f':
			c = c | 0x20 - 'a' + 10
		default:
			return 0, false
		}
		n = n<<4 | rune(c)
	}
	return n, true
}
