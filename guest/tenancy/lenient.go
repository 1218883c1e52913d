package tenancy

import (
	"strings"

	"github.com/tenantedge/tenantedge/guest/internal/lexeme"
)

// readLeniently reads the path as the most lenient server could, to find paths
// that servers read differently. Each of these steps is done by some of them:
//
//   - decode percent-encoding until none is left (a proxy and a server that both
//     decode),
//   - treat backslashes as slashes (IIS, Tomcat by option),
//   - remove path parameters, from ";" on, from a segment (Tomcat, Jetty, WebLogic),
//   - remove spaces and control characters at the end of a segment (Windows),
//   - merge slashes (nginx),
//   - map characters that look like dots and slashes (best-fit mapping, overlong
//     UTF-8),
//   - resolve dot segments, last.
//
// It sets t.lenient, and reports whether there is a dot segment that is not one in
// the decoded path. No ordinary client sends such a segment.
func (d *Decision) readLeniently(t *target) (hiddenDots bool) {
	if !isOdd(t.path) {
		return false
	}
	start := len(d.scratch)
	d.scratch = appendDecoded(d.scratch, t.path)
	d.scratch = d.scratch[:start+len(foldLookalikes(d.scratch[start:]))]
	read := d.text(start)
	dots, depth, first := 0, 0, ""
	eachSegment(read, func(segment string) {
		segment = trimSegment(segment)
		switch segment {
		case "":
			return
		case ".":
			dots++
			return
		case "..":
			dots++
			depth = max(0, depth-1)
		default:
			if depth == 0 {
				first = segment
			}
			depth++
		}
		if depth == 0 {
			first = ""
		}
	})
	eachSegment(t.path, func(segment string) {
		if segment == "." || segment == ".." {
			dots--
		}
	})
	if first != firstSegment(t.path) {
		t.lenient = first
	}
	return dots > 0
}

// isOdd reports whether servers could read a path's segments differently. It may
// return true for a path that all read alike.
func isOdd(path string) bool {
	before := byte('/')
	for i := range len(path) {
		c := path[i]
		if c == '%' || c == ';' || c >= 0x80 || c <= ' ' || c == 0x7f || c == '.' && isSlash(before) {
			return true
		}
		before = c
	}
	return false
}

// trimSegment removes path parameters, and then spaces and control characters at
// the end.
func trimSegment(segment string) string {
	segment, _, _ = strings.Cut(segment, ";")
	return strings.TrimRightFunc(segment, func(c rune) bool { return c <= ' ' || c == 0x7f })
}

// isDots reports whether some server reads a segment as a dot segment.
func isDots(segment string) bool {
	decoded := trimSegment(string(foldLookalikes(appendDecoded(nil, segment))))
	return decoded == "." || decoded == ".."
}

func eachSegment(path string, do func(segment string)) {
	for start, i := 0, 0; i <= len(path); i++ {
		if i == len(path) || isSlash(path[i]) {
			do(path[start:i])
			start = i + 1
		}
	}
}

// appendDecoded appends s with its percent-encoding decoded until none is left. It
// needs one pass: encoding that a decoded byte completes is decoded at once.
func appendDecoded(b []byte, s string) []byte {
	start := len(b)
	for i := range len(s) {
		b = append(b, s[i])
		for n := len(b) - 3; n >= start && b[n] == '%'; n = len(b) - 3 {
			hi, lo := lexeme.Hex(b[n+1]), lexeme.Hex(b[n+2])
			if hi < 0 || lo < 0 {
				break
			}
			b = append(b[:n], byte(hi<<4|lo))
		}
	}
	return b
}

// lookalikes are sequences that some servers map to dots, slashes and semicolons.
var lookalikes = []struct{ from, to string }{
	{"\uff0e", "."}, {"\ufe52", "."}, {"\u2024", "."}, {"\u2025", ".."}, {"\uff0f", "/"}, {"\u2215", "/"}, {"\u2044", "/"},
	{"\uff3c", "/"}, {"\u2216", "/"}, {"\ufe68", "/"}, {"\uff1b", ";"},
	{"\xc0\xae", "."}, {"\xe0\x80\xae", "."}, {"\xc0\xaf", "/"}, {"\xe0\x80\xaf", "/"}, {"\xc1\x9c", "/"},
}

// foldLookalikes replaces lookalikes in place, and returns the shortened b.
func foldLookalikes(b []byte) []byte {
	out := b[:0]
bytes:
	for i := 0; i < len(b); i++ {
		if b[i] >= 0x80 {
			for _, l := range lookalikes {
				if n := i + len(l.from); n <= len(b) && string(b[i:n]) == l.from {
					out = append(out, l.to...)
					i += len(l.from) - 1
					continue bytes
				}
			}
		}
		out = append(out, b[i])
	}
	return out
}
