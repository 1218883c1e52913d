package file

import (
	"bytes"
	"errors"
	"io"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/tenantedge/tenantedge/tenantdb"
)

// jsonReader reads the lists tenants and domains in one pass.
type jsonReader struct {
	data  []byte
	in    *jsontext.Decoder // of data
	rows  rows
	names map[string]string // interned keys, by their JSON text
	list  string            // the list that is being read; empty outside of both
	index int               // of the row in it; -1 outside of rows
}

func decodeJSON(file string, data []byte) (tenantdb.State, error) {
	// rows.add rejects duplicate names. Invalid UTF-8 is replaced by U+FFFD,
	// as encoding/json does.
	in := jsontext.NewDecoder(bytes.NewBuffer(data), jsontext.AllowDuplicateNames(true), jsontext.AllowInvalidUTF8(true))
	r := &jsonReader{data: data, in: in, rows: rows{data: data}, names: map[string]string{}, index: -1}
	if p := r.top(); p != nil {
		line, column := lineColumn(data, p.at)
		return tenantdb.State{}, &Error{file, line, column, keyOf(r.list, r.index, p.key), p.expected, p.found, p.advice}
	}
	return r.rows.state, nil
}

func (r *jsonReader) top() *problem {
	seen := map[string]bool{}
	p := r.object(expectTop, func(key string) *problem {
		if key != "tenants" && key != "domains" {
			return &problem{r.next(), "", "tenants or domains", "key " + show(key), "correct or remove it"}
		}
		if seen[key] {
			return &problem{r.next(), "", "each key once", "key " + show(key) + " twice", "put all rows in one list"}
		}
		seen[key] = true
		r.list = key
		p := r.array()
		if p == nil {
			r.list, r.index = "", -1
		}
		return p
	})
	if p != nil {
		return p
	}
	at := r.next()
	switch _, err := r.in.ReadToken(); err {
	case io.EOF:
		return nil
	case nil:
		return r.unexpected(at, "the end of the file")
	default:
		return r.syntax(err)
	}
}

// array reads a list of rows; null is an empty list.
func (r *jsonReader) array() *problem {
	switch k := r.in.PeekKind(); k {
	case jsontext.KindNull, jsontext.KindInvalid:
		return r.token()
	case jsontext.KindBeginArray:
	default:
		return r.unexpected(r.next(), expectRows)
	}
	if p := r.token(); p != nil {
		return p
	}
	var fields []field
	for r.index = 0; ; r.index++ {
		if k := r.in.PeekKind(); k == jsontext.KindEndArray || k == jsontext.KindInvalid {
			return r.token()
		}
		start := r.next()
		fields = fields[:0]
		p := r.object(expectRow, func(key string) *problem {
			v, at, p := r.value()
			if p != nil {
				p.key = "." + key
			}
			fields = append(fields, field{key, v, at})
			return p
		})
		if p == nil {
			p = r.rows.add(r.list, fields, start)
		}
		if p != nil {
			return p
		}
	}
}

// object reads an object; member reads the value of each key.
func (r *jsonReader) object(expected string, member func(key string) *problem) *problem {
	if k := r.in.PeekKind(); k != jsontext.KindBeginObject && k != jsontext.KindInvalid {
		return r.unexpected(r.next(), expected)
	}
	if p := r.token(); p != nil {
		return p
	}
	for {
		switch r.in.PeekKind() {
		case jsontext.KindString:
			key, p := r.key()
			if p == nil {
				p = member(key)
			}
			if p != nil {
				return p
			}
		case jsontext.KindEndObject, jsontext.KindInvalid:
			return r.token()
		default:
			return r.unexpected(r.next(), "a key in double quotes")
		}
	}
}

func (r *jsonReader) key() (string, *problem) {
	raw, err := r.in.ReadValue()
	if err != nil {
		return "", r.syntax(err)
	}
	key, known := r.names[string(raw)]
	if !known {
		key = r.unquote(raw)
		if len(r.names) < 1000 {
			r.names[string(raw)] = key
		}
	}
	return key, nil
}

// value reads a scalar, and returns the offset at which it starts.
func (r *jsonReader) value() (v value, at int, p *problem) {
	raw, err := r.in.ReadValue()
	if err != nil {
		return v, 0, r.syntax(err)
	}
	at = int(r.in.InputOffset()) - len(raw)
	switch raw.Kind() {
	case jsontext.KindString:
		v = value{kind: text, text: r.unquote(raw)}
	case jsontext.KindNumber:
		v = value{kind: integer, text: r.rows.texts.Copy(raw)}
		if bytes.ContainsAny(raw, ".eE") {
			v.kind = number
		}
	case jsontext.KindTrue:
		v = value{kind: boolean, text: "true"}
	case jsontext.KindFalse:
		v = value{kind: boolean, text: "false"}
	case jsontext.KindNull:
		v = value{kind: null, text: "null"}
	case jsontext.KindBeginArray:
		p = &problem{at, "", expectScalar, "a list", "write it as text"}
	default:
		p = &problem{at, "", expectScalar, "an object", "write it as text"}
	}
	return v, at, p
}

// unquote returns the text of a JSON string that the decoder has read.
func (r *jsonReader) unquote(raw []byte) string {
	inner := raw[1 : len(raw)-1]
	for _, c := range inner {
		if c == '\\' || c >= 0x80 {
			inner, _ = jsontext.AppendUnquote(nil, raw) // its error is about invalid UTF-8
			break
		}
	}
	return r.rows.texts.Copy(inner)
}

// token reads a token that PeekKind has seen, or returns why there is none.
func (r *jsonReader) token() *problem {
	_, err := r.in.ReadToken()
	return r.syntax(err)
}

// next returns the offset of the next token.
func (r *jsonReader) next() int {
	at := int(r.in.InputOffset())
	for at < len(r.data) && bytes.IndexByte([]byte(" \t\r\n,:"), r.data[at]) >= 0 {
		at++
	}
	return at
}

func (r *jsonReader) unexpected(at int, expected string) *problem {
	rest := r.data[at:min(len(r.data), at+12)]
	for i, c := range rest {
		if !letter(c) && !digit(c) && c != '-' {
			rest = rest[:max(i, 1)]
			break
		}
	}
	return &problem{at, "", expected, show(string(rest)), ""}
}

// syntax converts an error of the decoder.
func (r *jsonReader) syntax(err error) *problem {
	if err == nil {
		return nil
	}
	var s *jsontext.SyntacticError
	if errors.As(err, &s) && !errors.Is(err, io.ErrUnexpectedEOF) {
		return &problem{int(s.ByteOffset), "", "valid JSON", s.Err.Error(), ""}
	}
	return &problem{len(r.data), "", "valid JSON", "the end of the file", "the file may be incomplete"}
}
