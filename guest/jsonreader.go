package guest

import (
	"errors"
	"math"
	"strconv"
	"strings"
	"unicode/utf16"
	"unicode/utf8"

	"github.com/tenantedge/tenantedge/guest/internal/lexeme"
)

// jsonReader reads JSON values one after another. After the first error it stays
// at the end of b, and every further read fails.
type jsonReader struct {
	b     []byte
	at    int // offset of the next byte
	depth int // nesting of arrays and objects
	err   error
}

// maxDepth is the maximum nesting of arrays and objects, as in encoding/json.
const maxDepth = 10000

func (r *jsonReader) fail(expected string) {
	if r.err == nil {
		r.err = errors.New("at byte " + strconv.Itoa(r.at) + ": expected " + expected)
	}
	r.at = len(r.b)
}

// space skips white space.
func (r *jsonReader) space() {
	for r.at < len(r.b) && (r.b[r.at] == ' ' || r.b[r.at] == '\t' || r.b[r.at] == '\n' || r.b[r.at] == '\r') {
		r.at++
	}
}

// next skips c, and reports whether it came next.
func (r *jsonReader) next(c byte) bool {
	r.space()
	if r.at < len(r.b) && r.b[r.at] == c {
		r.at++
		return true
	}
	return false
}

// null skips null, and reports whether it came next.
func (r *jsonReader) null() bool {
	r.space()
	return r.literal("null")
}

func (r *jsonReader) literal(w string) bool {
	if strings.HasPrefix(text(r.b[r.at:]), w) {
		r.at += len(w)
		return true
	}
	return false
}

// object reads an object or null. It calls member for each key to read the value.
func (r *jsonReader) object(member func(key string)) {
	if r.null() {
		return
	}
	if !r.next('{') || r.depth == maxDepth {
		r.fail("an object")
		return
	}
	r.depth++
	var seen []string
	for first := true; !r.next('}'); first = false {
		if !first && !r.next(',') {
			r.fail(`"," or "}"`)
			return
		}
		if r.space(); r.at == len(r.b) || r.b[r.at] != '"' {
			r.fail("a key")
			return
		}
		key := r.quoted()
		for _, earlier := range seen {
			if strings.EqualFold(earlier, key) {
				r.fail("unique keys, found " + lexeme.Quote(key) + " twice")
				return
			}
		}
		seen = append(seen, key)
		if !r.next(':') {
			r.fail(`":"`)
			return
		}
		member(key)
		if r.err != nil {
			return
		}
	}
	r.depth--
}

// array reads an array or null. It calls element to read each element, and reports
// whether it has read an array.
func (r *jsonReader) array(element func()) bool {
	if r.null() {
		return false
	}
	if !r.next('[') || r.depth == maxDepth {
		r.fail("an array")
		return false
	}
	r.depth++
	for first := true; !r.next(']'); first = false {
		if !first && !r.next(',') {
			r.fail(`"," or "]"`)
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

// text reads a string into s; null leaves s unchanged.
func (r *jsonReader) text(s *string) {
	if r.null() {
		return
	}
	if r.at == len(r.b) || r.b[r.at] != '"' {
		r.fail("a string")
		return
	}
	*s = r.quoted()
}

// optional reads a string, and returns nil for null.
func (r *jsonReader) optional() *string {
	if r.null() {
		return nil
	}
	s := new(string)
	r.text(s)
	return s
}

// texts reads an array of strings, or nil for null.
func texts[S ~string](r *jsonReader, list *[]S) {
	var read []S
	if r.array(func() {
		var s string
		r.text(&s)
		read = append(read, S(s))
	}) && read == nil {
		read = []S{}
	}
	*list = read
}

// integer reads an integer into n; null leaves n unchanged.
func (r *jsonReader) integer(n *int) {
	if r.null() {
		return
	}
	raw := r.value()
	digits, negative := strings.CutPrefix(text(raw), "-")
	value, ok := lexeme.Uint(digits, 10, math.MaxInt64)
	if !ok && r.err == nil {
		r.at -= len(raw)
		r.fail("an integer")
	}
	if *n = int(value); negative {
		*n = -*n
	}
}

// value skips a value and returns its JSON.
func (r *jsonReader) value() []byte {
	r.space()
	start := r.at
	if r.at == len(r.b) {
		r.fail("a value")
		return nil
	}
	switch c := r.b[r.at]; {
	case c == '{':
		r.skipObject()
	case c == '[':
		r.array(func() { r.value() })
	case c == '"':
		r.quoted()
	case c == '-' || '0' <= c && c <= '9':
		r.skipNumber()
	default:
		if !r.literal("null") && !r.literal("true") && !r.literal("false") {
			r.fail("a value")
		}
	}
	return r.b[start:r.at]
}

// skipObject skips an object, which may have duplicate keys.
func (r *jsonReader) skipObject() {
	if r.at++; r.depth == maxDepth {
		r.fail("at most " + strconv.Itoa(maxDepth) + " levels of nesting")
		return
	}
	r.depth++
	for first := true; !r.next('}'); first = false {
		if !first && !r.next(',') {
			r.fail(`"," or "}"`)
			return
		}
		if r.space(); r.at == len(r.b) || r.b[r.at] != '"' {
			r.fail("a key")
			return
		}
		r.quoted()
		if !r.next(':') {
			r.fail(`":"`)
			return
		}
		r.value()
		if r.err != nil {
			return
		}
	}
	r.depth--
}

// skipNumber skips a number.
func (r *jsonReader) skipNumber() {
	if r.b[r.at] == '-' {
		r.at++
	}
	if n := r.skipDigits(); n == 0 || n > 1 && r.b[r.at-n] == '0' {
		r.fail("a number")
		return
	}
	if r.at < len(r.b) && r.b[r.at] == '.' {
		r.at++
		if r.skipDigits() == 0 {
			r.fail("a digit")
			return
		}
	}
	if r.at < len(r.b) && r.b[r.at]|0x20 == 'e' {
		r.at++
		if r.at < len(r.b) && (r.b[r.at] == '+' || r.b[r.at] == '-') {
			r.at++
		}
		if r.skipDigits() == 0 {
			r.fail("a digit")
		}
	}
}

// skipDigits skips decimal digits and returns their number.
func (r *jsonReader) skipDigits() int {
	start := r.at
	for r.at < len(r.b) && '0' <= r.b[r.at] && r.b[r.at] <= '9' {
		r.at++
	}
	return r.at - start
}

// quoted reads the string that begins at r.at. Invalid UTF-8 becomes U+FFFD.
func (r *jsonReader) quoted() string {
	var s []byte
	for r.at++; r.at < len(r.b); {
		c := r.b[r.at]
		switch {
		case c == '"':
			r.at++
			return string(s)
		case c < ' ':
			r.fail("no control character in a string")
			return ""
		case c == '\\':
			decoded, used := escaped(r.b[r.at:])
			if used == 0 {
				r.fail("a valid escape sequence")
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
	r.fail("a closing quote")
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
