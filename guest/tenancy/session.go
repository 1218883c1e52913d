package tenancy

import (
	"math"
	"strings"
	"unicode/utf16"
	"unicode/utf8"

	"github.com/tenantedge/tenantedge/guest/internal/lexeme"
)

// sessionForm is the type of the value of the session key.
type sessionForm uint8

const (
	sessionAbsent sessionForm = iota // missing, or false in Python
	sessionText
	sessionNumber // an integer
	sessionOther
)

// session returns the value of the session key: text, or an integer in decimal.
func (d *Decision) session(req *Request) (string, sessionForm) {
	value := strings.Trim(req.Session, " \t\r\n")
	if !req.HasSession || isFalse(value) {
		return "", sessionAbsent
	}
	if value[0] != '"' {
		digits, negative := strings.CutPrefix(value, "-")
		most := uint64(math.MaxInt64)
		if negative {
			most++
		}
		if _, ok := lexeme.Uint(digits, 10, most); !ok {
			return "", sessionOther
		}
		return value, sessionNumber
	}
	inner, ok := strings.CutSuffix(value[1:], `"`)
	if ok && strings.IndexByte(inner, '\\') >= 0 {
		inner, ok = d.unescapeJSON(inner)
	} else if strings.IndexByte(inner, '"') >= 0 {
		ok = false
	}
	if !ok {
		return "", sessionOther
	}
	return inner, sessionText
}

// isFalse reports whether a JSON value is null, false, zero, or empty.
func isFalse(value string) bool {
	if value == "" {
		return true
	}
	switch c := value[0]; {
	case c == '"':
		return value == `""`
	case c == '[' || c == '{':
		return len(value) > 1 && strings.Trim(value[1:len(value)-1], " \t\r\n") == ""
	case c == '-' || isDigit(c):
		return isZero(value)
	}
	return value == "null" || value == "false"
}

// isZero reports whether a JSON number is zero. strconv.ParseFloat would make the
// guest larger.
func isZero(number string) bool {
	mantissa, exponent := strings.TrimPrefix(number, "-"), "0"
	if at := strings.IndexAny(mantissa, "eE"); at >= 0 {
		mantissa, exponent = mantissa[:at], mantissa[at+1:]
		if exponent != "" && (exponent[0] == '+' || exponent[0] == '-') {
			exponent = exponent[1:]
		}
	}
	return strings.Trim(mantissa, "0.") == "" && strings.Contains(mantissa, "0") && strings.Count(mantissa, ".") <= 1 &&
		exponent != "" && strings.Trim(exponent, "0123456789") == ""
}

// unescapeJSON decodes the text between the quotes of a JSON string.
func (d *Decision) unescapeJSON(s string) (string, bool) {
	start := len(d.scratch)
	for i := 0; i < len(s); i++ {
		c := s[i]
		if c == '"' {
			return "", false
		}
		if c != '\\' {
			d.scratch = append(d.scratch, c)
			continue
		}
		i++
		if i == len(s) {
			return "", false
		}
		if s[i] == 'u' {
			r, used := jsonRune(s[i+1:])
			if used == 0 {
				return "", false
			}
			d.scratch = utf8.AppendRune(d.scratch, r)
			i += used
			continue
		}
		at := strings.IndexByte(`"\/bfnrt`, s[i])
		if at < 0 {
			return "", false
		}
		d.scratch = append(d.scratch, "\"\\/\b\f\n\r\t"[at])
	}
	return d.text(start), true
}

// jsonRune decodes the digits after \u, including the second \u of a surrogate
// pair. It returns how many bytes it decoded, 0 if they are malformed.
func jsonRune(s string) (rune, int) {
	hi, ok := hexRune(s)
	if !ok {
		return 0, 0
	}
	if utf16.IsSurrogate(hi) && strings.HasPrefix(s[4:], `\u`) {
		if lo, ok := hexRune(s[6:]); ok {
			if r := utf16.DecodeRune(hi, lo); r != utf8.RuneError {
				return r, 10
			}
		}
	}
	return hi, 4
}

func hexRune(s string) (rune, bool) {
	if len(s) < 4 {
		return 0, false
	}
	a, ok1 := hexPair(s)
	b, ok2 := hexPair(s[2:])
	return rune(a)<<8 | rune(b), ok1 && ok2
}
