package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"
)

// pythonString returns Python's str(json.loads(raw)). Django formats the version of
// a cache key with str.
func pythonString(raw json.RawMessage) (string, error) {
	d := json.NewDecoder(bytes.NewReader(raw))
	d.UseNumber()
	tok, err := d.Token()
	if err != nil {
		return "", fmt.Errorf("expected a JSON value: %w", err)
	}
	if s, ok := tok.(string); ok {
		return s, nil
	}
	var b strings.Builder
	if err := writePython(&b, d, tok); err != nil {
		return "", err
	}
	return b.String(), nil
}

// writePython writes the repr of the value that starts with tok.
func writePython(b *strings.Builder, d *json.Decoder, tok json.Token) error {
	switch t := tok.(type) {
	case nil:
		b.WriteString("None")
	case bool:
		b.WriteString(map[bool]string{true: "True", false: "False"}[t])
	case string:
		writePythonText(b, t)
	case json.Number:
		b.WriteString(pythonNumber(t.String()))
	case json.Delim:
		if t == '{' {
			return writePythonDict(b, d)
		}
		return writePythonList(b, d)
	}
	return nil
}

func writePythonList(b *strings.Builder, d *json.Decoder) error {
	b.WriteByte('[')
	for i := 0; d.More(); i++ {
		if i > 0 {
			b.WriteString(", ")
		}
		tok, err := d.Token()
		if err != nil {
			return err
		}
		if err := writePython(b, d, tok); err != nil {
			return err
		}
	}
	b.WriteByte(']')
	_, err := d.Token()
	return err
}

// writePythonDict writes keys in their order. A duplicate key has its first
// position and its last value.
func writePythonDict(b *strings.Builder, d *json.Decoder) error {
	var keys []string
	values := map[string]string{}
	for d.More() {
		tok, err := d.Token()
		if err != nil {
			return err
		}
		key, _ := tok.(string) // encoding/json accepts only strings as keys
		if tok, err = d.Token(); err != nil {
			return err
		}
		var v strings.Builder
		if err := writePython(&v, d, tok); err != nil {
			return err
		}
		if _, twice := values[key]; !twice {
			keys = append(keys, key)
		}
		values[key] = v.String()
	}
	b.WriteByte('{')
	for i, key := range keys {
		if i > 0 {
			b.WriteString(", ")
		}
		writePythonText(b, key)
		b.WriteString(": " + values[key])
	}
	b.WriteByte('}')
	_, err := d.Token()
	return err
}

// pythonNumber formats an integer of any size, or a float as its repr.
func pythonNumber(text string) string {
	if !strings.ContainsAny(text, ".eE") {
		if text == "-0" {
			return "0"
		}
		return text
	}
	f, err := strconv.ParseFloat(text, 64)
	if err != nil { // out of range: Python reads infinity
		if strings.HasPrefix(text, "-") {
			return "-inf"
		}
		return "inf"
	}
	scientific := strconv.FormatFloat(f, 'e', -1, 64)
	_, exponent, _ := strings.Cut(scientific, "e")
	// Python switches to an exponent below 1e-4 and from 1e16 on.
	if e, _ := strconv.Atoi(exponent); e < -4 || e >= 16 {
		return scientific
	}
	fixed := strconv.FormatFloat(f, 'f', -1, 64)
	if !strings.Contains(fixed, ".") {
		fixed += ".0"
	}
	return fixed
}

// writePythonText writes the repr of a string.
func writePythonText(b *strings.Builder, s string) {
	quote := byte('\'')
	if strings.Contains(s, "'") && !strings.Contains(s, `"`) {
		quote = '"'
	}
	b.WriteByte(quote)
	for _, r := range s {
		switch {
		case r == rune(quote) || r == '\\':
			b.WriteByte('\\')
			b.WriteRune(r)
		case r == '\n':
			b.WriteString(`\n`)
		case r == '\r':
			b.WriteString(`\r`)
		case r == '\t':
			b.WriteString(`\t`)
		case r < ' ' || r == 0x7f || r < 0x100 && r >= utf8.RuneSelf && !unicode.IsPrint(r):
			fmt.Fprintf(b, `\x%02x`, r)
		case unicode.IsPrint(r):
			b.WriteRune(r)
		case r < 0x10000:
			fmt.Fprintf(b, `\u%04x`, r)
		default:
			fmt.Fprintf(b, `\U%08x`, r)
		}
	}
	b.WriteByte(quote)
}
