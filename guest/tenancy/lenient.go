package tenancy

import "strings"

// readLeniently reads the path as the most lenient of the servers after the
// edge would, in order to find out where readers disagree. Each of these is
// done by some: percent-encoding is decoded as long as there is any (proxies in
// front of servers that decode again), a backslash is a slash (IIS, Tomcat by
// option), path parameters from ";" on are cut off a segment (Tomcat, Jetty,
// WebLogic), blanks and control characters at its end too (Windows), slashes are
// merged (nginx), characters that only look like dots and slashes become such
// (best-fit mapping, overlong UTF-8), and dot segments are resolved at last.
//
// It sets t.lenient, and reports whether there is a dot segment that is not one
// in the decoded path: clients send none, and there is no telling who sees it.
func (d *Decision) readLeniently(t *target) (disguised bool) {
	if !isOdd(t.path) {
		return false
	}
	start := len(d.scratch)
	d.scratch = appendDecoded(d.scratch, t.path)
	d.scratch = d.scratch[:start+len(foldLookalikes(d.scratch[start:]))]
	read := d.text(start)
	dots, depth, first := 0, 0, ""
	eachSegment(read, func(segment string) {
		segment = bare(segment)
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
	if first != candidate(t.path) {
		t.lenient = first
	}
	return dots > 0
}

// isOdd reports whether readers may disagree about a path's segments. It may
// report it of a path about which they agree.
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

// bare is a segment without path parameters and what some drop at its end.
func bare(segment string) string {
	segment, _, _ = strings.Cut(segment, ";")
	return strings.TrimRightFunc(segment, func(c rune) bool { return c <= ' ' || c == 0x7f })
}

// isDots reports whether some reader takes a segment for a dot segment.
func isDots(segment string) bool {
	decoded := bare(string(foldLookalikes(appendDecoded(nil, segment))))
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

// appendDecoded appends s with its percent-encoding decoded until none is left.
// What a decoded byte completes is decoded with it, so that one pass does.
func appendDecoded(b []byte, s string) []byte {
	start := len(b)
	for i := range len(s) {
		b = append(b, s[i])
		for n := len(b) - 3; n >= start && b[n] == '%'; n = len(b) - 3 {
			hi, lo := unhex(b[n+1]), unhex(b[n+2])
			if hi < 0 || lo < 0 {
				break
			}
			b = append(b[:n], byte(hi<<4|lo))
		}
	}
	return b
}

// lookalikes are characters that some take for dots and slashes.
var lookalikes = []struct{ from, to string }{
	{"\uff0e", "."}, {"\ufe52", "."}, {"\u2024", "."}, {"\u2025", ".."}, {"\uff0f", "/"}, {"\u2215", "/"}, {"\u2044", "/"},
	{"\uff3c", "/"}, {"\u2216", "/"}, {"\ufe68", "/"}, {"\uff1b", ";"},
	{"\xc0\xae", "."}, {"\xe0\x80\xae", "."}, {"\xc0\xaf", "/"}, {"\xe0\x80\xaf", "/"}, {"\xc1\x9c", "/"},
}

// foldLookalikes replaces them in place, and returns what is left of b.
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
