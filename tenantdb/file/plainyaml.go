package file

import (
	"bytes"
	"strings"

	"github.com/tenantedge/tenantedge/tenantdb"
)

// plainReader reads a common subset of YAML some twenty times as fast as the
// parser: lists of block rows or one-line flow rows, whose values are plain
// words, whole numbers or simple quoted strings. It gives up at anything else,
// valid or not, and the parser reads the file instead. A fuzz test checks that
// both agree.
type plainReader struct {
	rest   []byte // after line
	line   []byte // the current line
	rows   rows
	list   string // the current list
	indent int    // of the rows' hyphens; -1: not known yet
	fields []field
	open   bool // the current row is a block row, which further lines may continue
	names  map[string]string
}

// decodePlain reads data; ok is false if the parser must read it.
func decodePlain(data []byte) (s tenantdb.State, ok bool) {
	r := &plainReader{rest: data, rows: rows{data: data}, names: map[string]string{}}
	seen := map[string]bool{}
	for r.next() {
		text := bytes.TrimLeft(r.line, " ")
		indent := len(r.line) - len(text)
		switch {
		case len(text) == 0:
		case text[0] == '#':
			for _, c := range text {
				if c < ' ' || c > '~' {
					return tenantdb.State{}, false
				}
			}
		case indent == 0 && text[0] != '-':
			name, value, colon := bytes.Cut(text, []byte(":"))
			value = bytes.TrimRight(value, " ")
			if !r.close() || string(name) != "tenants" && string(name) != "domains" || seen[string(name)] || !colon || len(value) > 0 {
				return tenantdb.State{}, false
			}
			r.list, r.indent = string(name), -1
			seen[r.list] = true
		case !r.row(text, indent):
			return tenantdb.State{}, false
		}
	}
	return r.rows.state, r.close() && len(seen) > 0
}

// next reads a line.
func (r *plainReader) next() bool {
	if len(r.rest) == 0 {
		return false
	}
	r.line, r.rest, _ = bytes.Cut(r.rest, []byte("\n"))
	return true
}

// row reads the first line of a row, or one that continues a block row.
func (r *plainReader) row(text []byte, indent int) bool {
	if r.list == "" {
		return false
	}
	if !bytes.HasPrefix(text, []byte("- ")) {
		return r.open && indent == r.indent+2 && r.member(text)
	}
	if r.indent < 0 {
		r.indent = indent
	}
	if indent != r.indent || !r.close() {
		return false
	}
	text = text[2:]
	if len(text) == 0 || text[0] != '{' {
		r.open = true
		return r.member(text)
	}
	return r.flow(text[1:])
}

// close adds the current row, if there is one.
func (r *plainReader) close() bool {
	if !r.open && len(r.fields) == 0 {
		return true
	}
	bad := r.rows.add(r.list, r.fields, len(r.rows.data)-len(r.rest))
	r.open, r.fields = false, r.fields[:0]
	return bad == nil
}

// member reads a line `key: value`.
func (r *plainReader) member(text []byte) bool {
	key, text, ok := r.key(text)
	if !ok {
		return false
	}
	v, text, ok := r.scalar(bytes.TrimLeft(text, " "))
	r.fields = append(r.fields, field{key: key, value: v})
	return ok && len(bytes.TrimRight(text, " ")) == 0
}

// flow reads the rest of a line `key: value, key: value}`.
func (r *plainReader) flow(text []byte) bool {
	for {
		key, rest, ok := r.key(bytes.TrimLeft(text, " "))
		if !ok {
			return false
		}
		v, rest, ok := r.scalar(bytes.TrimLeft(rest, " "))
		rest = bytes.TrimLeft(rest, " ")
		if !ok || v.kind == null || len(rest) == 0 {
			return false
		}
		r.fields = append(r.fields, field{key: key, value: v})
		text = rest[1:]
		switch rest[0] {
		case ',':
		case '}':
			return len(bytes.TrimRight(text, " ")) == 0 && r.close()
		default:
			return false
		}
	}
}

// key reads a name, and a colon that a space or the end of the line follows.
func (r *plainReader) key(text []byte) (string, []byte, bool) {
	n := 0
	for n < len(text) && (letter(text[n]) || text[n] == '_' || n > 0 && digit(text[n])) {
		n++
	}
	if n == 0 || n == len(text) || text[n] != ':' || n+1 < len(text) && text[n+1] != ' ' {
		return "", nil, false
	}
	name, known := r.names[string(text[:n])]
	if !known {
		name = string(text[:n])
		if reserved(name) || len(r.names) > 1000 {
			return "", nil, false
		}
		r.names[name] = name
	}
	return name, text[n+1:], true
}

// scalar reads a value; ok is false if it is not in the subset.
func (r *plainReader) scalar(b []byte) (v value, rest []byte, ok bool) {
	if len(b) == 0 {
		return value{kind: null, plain: true}, nil, true
	}
	if q := b[0]; q == '"' || q == '\'' {
		for n := 1; n < len(b); n++ {
			switch c := b[n]; {
			case c == q:
				// Another quote after it is a doubled quote, or an error.
				return value{kind: text, text: r.rows.texts.Copy(b[1:n])}, b[n+1:], n+1 == len(b) || b[n+1] != q
			case c < ' ' || c > '~' || c == '\\':
				return v, nil, false
			}
		}
		return v, nil, false
	}
	n, digits, sure := 0, 0, false
	for n < len(b) && (letter(b[n]) || digit(b[n]) || n > 0 && (b[n] == '.' || b[n] == '-') || b[n] == '_') {
		if digit(b[n]) {
			digits++
		}
		// Numbers and dates contain none of these letters.
		sure = sure || strings.IndexByte("ghijklmnpqrsuvwyGHIJKLMNPQRSUVWY", b[n]) >= 0
		n++
	}
	v = value{kind: text, text: r.rows.texts.Copy(b[:n]), plain: true}
	switch {
	case n == 0:
		return v, nil, false
	case v.text == "true" || v.text == "false":
		v.kind = boolean
	case digits == n:
		v.kind = integer
		return v, b[n:], n <= 18 && (n == 1 || b[0] != '0')
	case digit(b[0]) && !sure || reserved(v.text):
		return v, nil, false
	}
	return v, b[n:], true
}

// reserved reports whether the parser may take a word for a boolean or null.
func reserved(word string) bool {
	return strings.EqualFold(word, "true") || strings.EqualFold(word, "false") || strings.EqualFold(word, "null")
}

func letter(c byte) bool { return 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' }
func digit(c byte) bool  { return '0' <= c && c <= '9' }
