package file

import (
	"encoding/json"
	"errors"

	"github.com/tenantedge/tenantedge/tenantdb"
)

// jsonReader reads the two lists in one pass over the bytes. encoding/json
// knows no positions and takes several times as long, so it does only what is
// rare: texts with escapes.
type jsonReader struct {
	file  string
	data  []byte
	at    int
	rows  rows
	names map[string]string // one string for each key
	list  string            // where the reader is
	index int
}

func decodeJSON(file string, data []byte) (tenantdb.State, error) {
	r := &jsonReader{file: file, data: data, names: map[string]string{}, index: -1}
	if p := r.top(); p != nil {
		line, column := place(data, p.at)
		return tenantdb.State{}, &Error{file, line, column, keyOf(r.list, r.index, p.key), p.expected, p.found, p.advice}
	}
	return r.rows.state, nil
}

func (r *jsonReader) top() *problem {
	if r.peek() != '{' {
		return r.unexpected(expectTop)
	}
	seen := map[string]bool{}
	p := r.object(func(key string, at int) *problem {
		if key != "tenants" && key != "domains" {
			return &problem{at, "", "tenants or domains", "key " + show(key), "correct or remove it"}
		}
		if seen[key] {
			return &problem{at, "", "each key once", "key " + show(key) + " twice", "put all rows in one list"}
		}
		seen[key] = true
		r.list, r.index = key, -1
		p := r.array()
		if p == nil {
			r.list = ""
		}
		return p
	})
	if p != nil {
		return p
	}
	if r.peek() != 0 || r.at < len(r.data) {
		return r.unexpected("the end of the file")
	}
	return nil
}

// array reads the list of rows at the reader; null is an empty one.
func (r *jsonReader) array() *problem {
	if r.peek() == 'n' {
		_, p := r.literal()
		return p
	}
	if r.peek() != '[' {
		return r.unexpected(expectRows)
	}
	r.at++
	if r.peek() == ']' {
		r.at++
		return nil
	}
	var fields []field
	for r.index = 0; ; r.index++ {
		if r.peek() != '{' {
			return r.unexpected(expectRow)
		}
		start := r.at
		fields = fields[:0]
		p := r.object(func(key string, at int) *problem {
			v, p := r.value()
			if p != nil && p.key == "" {
				p.key = "." + key
			}
			fields = append(fields, field{key, v, at})
			return p
		})
		if p == nil {
			p = r.rows.take(r.list, fields, start)
		}
		if p != nil {
			return p
		}
		switch r.peek() {
		case ',':
			r.at++
		case ']':
			r.at++
			return nil
		default:
			return r.unexpected("a comma or ]")
		}
	}
}

// object reads an object; member reads the value of each key.
func (r *jsonReader) object(member func(key string, at int) *problem) *problem {
	r.at++
	if r.peek() == '}' {
		r.at++
		return nil
	}
	for {
		if r.peek() != '"' {
			return r.unexpected("a key in double quotes")
		}
		at := r.at
		raw, p := r.quoted()
		if p != nil {
			return p
		}
		key, known := r.names[string(raw)]
		if !known {
			if key, p = r.unquote(raw, at); p != nil {
				return p
			}
			if len(r.names) < 1000 {
				r.names[string(raw)] = key
			}
		}
		if r.peek() != ':' {
			return r.unexpected("a colon")
		}
		r.at++
		r.peek()
		if p := member(key, r.at); p != nil {
			return p
		}
		switch r.peek() {
		case ',':
			r.at++
		case '}':
			r.at++
			return nil
		default:
			return r.unexpected("a comma or }")
		}
	}
}

// value reads a scalar; a list or an object it only names.
func (r *jsonReader) value() (value, *problem) {
	switch c := r.peek(); {
	case c == '"':
		at := r.at
		raw, p := r.quoted()
		if p != nil {
			return value{}, p
		}
		s, p := r.unquote(raw, at)
		return value{kind: text, text: s}, p
	case c == '-' || '0' <= c && c <= '9':
		return r.number()
	case c == '[':
		return value{kind: list}, &problem{r.at, "", expectScalar, "a list", "write it as text"}
	case c == '{':
		return value{kind: mapping}, &problem{r.at, "", expectScalar, "an object", "write it as text"}
	default:
		return r.literal()
	}
}

func (r *jsonReader) literal() (value, *problem) {
	for _, l := range []struct {
		name string
		kind kind
	}{{"true", boolean}, {"false", boolean}, {"null", null}} {
		if end := r.at + len(l.name); end <= len(r.data) && string(r.data[r.at:end]) == l.name {
			r.at = end
			return value{kind: l.kind, text: l.name}, nil
		}
	}
	return value{}, r.unexpected("a value")
}

// number reads -?(0|[1-9][0-9]*)(\.[0-9]+)?([eE][-+]?[0-9]+)?
func (r *jsonReader) number() (value, *problem) {
	start, k := r.at, integer
	if r.here() == '-' {
		r.at++
	}
	first := r.at
	n := r.digits()
	if n == 0 || n > 1 && r.data[first] == '0' {
		r.at = first
		return value{}, r.unexpected("a number without leading zeros")
	}
	if r.here() == '.' {
		k = number
		r.at++
		if r.digits() == 0 {
			return value{}, r.unexpected("a digit")
		}
	}
	if c := r.here(); c == 'e' || c == 'E' {
		k = number
		r.at++
		if c := r.here(); c == '+' || c == '-' {
			r.at++
		}
		if r.digits() == 0 {
			return value{}, r.unexpected("a digit")
		}
	}
	return value{kind: k, text: string(r.data[start:r.at])}, nil
}

func (r *jsonReader) digits() (n int) {
	for '0' <= r.here() && r.here() <= '9' {
		r.at++
		n++
	}
	return n
}

// quoted reads a text and returns it as it stands, quotes included.
func (r *jsonReader) quoted() ([]byte, *problem) {
	start := r.at
	for r.at++; r.at < len(r.data); r.at++ {
		switch c := r.data[r.at]; {
		case c == '"':
			r.at++
			return r.data[start:r.at], nil
		case c == '\\':
			r.at++
		case c < ' ':
			return nil, &problem{r.at, "", "a text without control characters", show(string(c)), `write it as an escape (\n, \u0001)`}
		}
	}
	return nil, &problem{start, "", "a closing double quote", "the end of the file", ""}
}

func (r *jsonReader) unquote(raw []byte, at int) (string, *problem) {
	inner := raw[1 : len(raw)-1]
	plain := true
	for _, c := range inner {
		if c == '\\' || c >= 0x80 {
			plain = false
			break
		}
	}
	if plain {
		return string(inner), nil
	}
	var s string
	if err := json.Unmarshal(raw, &s); err != nil {
		var syntax *json.SyntaxError
		if errors.As(err, &syntax) {
			at += int(syntax.Offset) - 1
		}
		return "", &problem{at, "", "a valid escape", err.Error(), ""}
	}
	return s, nil
}

// here is the byte at the reader, 0 at the end.
func (r *jsonReader) here() byte {
	if r.at < len(r.data) {
		return r.data[r.at]
	}
	return 0
}

// peek skips white space and returns the byte there.
func (r *jsonReader) peek() byte {
	for r.at < len(r.data) {
		switch c := r.data[r.at]; c {
		case ' ', '\t', '\n', '\r':
			r.at++
		default:
			return c
		}
	}
	return 0
}

func (r *jsonReader) unexpected(expected string) *problem {
	if r.at >= len(r.data) {
		return &problem{r.at, "", expected, "the end of the file", ""}
	}
	rest := r.data[r.at:min(len(r.data), r.at+12)]
	for i, c := range rest {
		if !('0' <= c && c <= '9' || 'a' <= c|0x20 && c|0x20 <= 'z' || c == '-') {
			rest = rest[:max(i, 1)]
			break
		}
	}
	return &problem{r.at, "", expected, show(string(rest)), ""}
}
