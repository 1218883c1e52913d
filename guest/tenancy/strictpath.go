package tenancy

import (
	"strings"
	"unicode/utf8"
)

// unquote decodes percent-encoding as Python does: invalid encoding stays
// unchanged.
func (d *Decision) unquote(s string) string {
	i := strings.IndexByte(s, '%')
	if i < 0 {
		return s
	}
	start := len(d.scratch)
	d.scratch = append(d.scratch, s[:i]...)
	for ; i < len(s); i++ {
		c := s[i]
		if c == '%' {
			if decoded, ok := hexPair(s[i+1:]); ok {
				c = decoded
				i += 2
			}
		}
		d.scratch = append(d.scratch, c)
	}
	return d.text(start)
}

// djangoPath returns HttpRequest.path of a request over HTTP: decoded, with bytes
// that are not UTF-8 percent-encoded again, and the first slash moved to the
// front.
func (d *Decision) djangoPath(target string) string {
	raw, _, _ := strings.Cut(target, "?")
	path := d.unquote(raw)
	if !utf8.ValidString(path) {
		start := len(d.scratch)
		for i := 0; i < len(path); {
			c, size := utf8.DecodeRuneInString(path[i:])
			if c == utf8.RuneError && size == 1 {
				d.scratch = appendPercent(d.scratch, path[i])
			} else {
				d.scratch = append(d.scratch, path[i:i+size]...)
			}
			i += size
		}
		path = d.text(start)
	}
	switch at := strings.IndexByte(path, '/'); {
	case path == "":
		return "/"
	case at == 0:
		return path
	default:
		start := len(d.scratch)
		before, after, _ := strings.Cut(path, "/")
		d.scratch = append(append(append(d.scratch, '/'), before...), after...)
		return d.text(start)
	}
}

// asgiPath returns the path of a websocket scope: decoded, with bytes that are not
// UTF-8 replaced as Python's decoder does.
func (d *Decision) asgiPath(target string) string {
	raw, _, _ := strings.Cut(target, "?")
	path := d.unquote(raw)
	if utf8.ValidString(path) {
		return path
	}
	start := len(d.scratch)
	for i := 0; i < len(path); {
		c, size := utf8.DecodeRuneInString(path[i:])
		if c == utf8.RuneError && size == 1 {
			size = illFormed(path[i:])
		}
		d.scratch = utf8.AppendRune(d.scratch, c)
		i += size
	}
	return d.text(start)
}

// illFormed returns the length of the ill-formed sequence at the start of s: the
// longest prefix of a character, else one byte (the Unicode standard's "maximal
// subpart", which Python replaces with one U+FFFD).
func illFormed(s string) int {
	lo, hi, need := byte(0x80), byte(0xBF), 0
	switch c := s[0]; {
	case 0xC2 <= c && c <= 0xDF:
		need = 1
	case c == 0xE0:
		lo, need = 0xA0, 2
	case c == 0xED:
		hi, need = 0x9F, 2
	case 0xE1 <= c && c <= 0xEF:
		need = 2
	case c == 0xF0:
		lo, need = 0x90, 3
	case 0xF1 <= c && c <= 0xF3:
		need = 3
	case c == 0xF4:
		hi, need = 0x8F, 3
	}
	n := 1
	for ; n <= need && n < len(s) && lo <= s[n] && s[n] <= hi; n++ {
		lo, hi = 0x80, 0xBF
	}
	return n
}

// secondPart returns path.split("/")[1], and false if there is no slash.
func secondPart(path string) (string, bool) {
	_, rest, ok := strings.Cut(path, "/")
	segment, _, _ := strings.Cut(rest, "/")
	return segment, ok
}
