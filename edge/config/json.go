package config

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"strings"
)

// looksLikeJSON reports whether to read a file as JSON. A YAML flow mapping also
// starts with a brace, so invalid JSON is read as YAML, unless the name or a quoted
// first key suggests JSON: then the error of the JSON decoder is more helpful.
func looksLikeJSON(name string, data []byte) bool {
	if strings.HasSuffix(strings.ToLower(name), ".json") {
		return true
	}
	rest := bytes.TrimLeft(data, " \t\r\n")
	if !bytes.HasPrefix(rest, []byte("{")) {
		return false
	}
	if json.Valid(rest) {
		return true
	}
	return bytes.HasPrefix(bytes.TrimLeft(rest[1:], " \t\r\n"), []byte(`"`))
}

// jsonReader builds nodes from the tokens of encoding/json. JSON is nearly YAML,
// but a YAML parser does not accept escaped surrogate pairs.
type jsonReader struct {
	d    *decoder
	dec  *json.Decoder
	data []byte
	// at is the position of the offset done. Both only increase, so that a file of
	// one long line is scanned once, not once for each value.
	at   position
	done int
}

var errReported = errors.New("config: reported")

// readJSON returns nil for a file that is empty or not JSON.
func readJSON(d *decoder, data []byte) *node {
	r := &jsonReader{d: d, data: data, at: d.start, dec: json.NewDecoder(bytes.NewReader(data))}
	r.dec.UseNumber()
	if len(bytes.TrimSpace(data)) == 0 {
		return nil
	}
	n, err := r.value(nil, 0)
	if err == nil {
		at := r.next()
		if _, err = r.dec.Token(); errors.Is(err, io.EOF) {
			return n
		}
		if err == nil {
			d.fail(r.position(at), nil, "expected one JSON value, found more data after it; remove it")
			return nil
		}
	}
	r.report(err)
	return nil
}

func (r *jsonReader) report(err error) {
	var syntax *json.SyntaxError
	switch {
	case errors.Is(err, errReported):
	case errors.As(err, &syntax):
		at := max(int(syntax.Offset)-1, r.done)
		r.d.fail(r.position(min(at, len(r.data))), nil, "expected JSON, found a syntax error: %v", err)
	case errors.Is(err, io.ErrUnexpectedEOF), errors.Is(err, io.EOF):
		r.d.fail(r.position(len(r.data)), nil, "expected JSON, found the end of the file; close the open brackets and quotes")
	default:
		r.d.fail(r.position(r.next()), nil, "expected JSON, found a syntax error: %v", err)
	}
}

func (r *jsonReader) value(p *path, depth int) (*node, error) {
	n := &node{pos: r.position(r.next())}
	if depth > maxDepth {
		r.d.fail(n.pos, p, "expected at most %d levels, found more", maxDepth)
		return nil, errReported
	}
	tok, err := r.dec.Token()
	if err != nil {
		return nil, err
	}
	switch t := tok.(type) {
	case json.Delim:
		if t == '{' {
			return n, r.mapping(n, p, depth)
		}
		return n, r.list(n, p, depth)
	case string:
		n.kind, n.text = kindString, t
	case json.Number:
		n.kind, n.text = kindInt, t.String()
		if strings.ContainsAny(n.text, ".eE") {
			n.kind = kindFloat
		}
	case bool:
		n.kind, n.text = kindBool, "false"
		if t {
			n.text = "true"
		}
	}
	return n, nil
}

func (r *jsonReader) mapping(n *node, p *path, depth int) error {
	n.kind = kindMapping
	for r.dec.More() {
		at := r.position(r.next())
		tok, err := r.dec.Token()
		if err != nil {
			return err
		}
		key, _ := tok.(string) // encoding/json accepts nothing else here
		v, err := r.value(p.child(key), depth+1)
		if err != nil {
			return err
		}
		n.pairs = append(n.pairs, pair{&node{kind: kindString, text: key, pos: at}, v})
	}
	checkKeys(r.d, n, p)
	_, err := r.dec.Token()
	return err
}

func (r *jsonReader) list(n *node, p *path, depth int) error {
	n.kind = kindList
	for i := 0; r.dec.More(); i++ {
		v, err := r.value(p.item(i), depth+1)
		if err != nil {
			return err
		}
		n.items = append(n.items, v)
	}
	_, err := r.dec.Token()
	return err
}

// next returns the offset of the next token.
func (r *jsonReader) next() int {
	at := int(r.dec.InputOffset())
	for at < len(r.data) && strings.IndexByte(" \t\r\n,:", r.data[at]) >= 0 {
		at++
	}
	return at
}

// position returns the position of an offset, which must not be less than that of
// an earlier call.
func (r *jsonReader) position(offset int) position {
	if offset > r.done {
		r.at = r.at.after(r.data[r.done:offset])
		r.done = offset
	}
	return r.at
}
