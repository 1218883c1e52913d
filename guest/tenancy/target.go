package tenancy

import (
	"strings"
	"unicode/utf8"
)

// target is a request-target taken apart under the hardened rules.
type target struct {
	authority string // of an absolute target, else empty
	raw       string // path as sent
	path      string // path decoded
	query     string // with its "?", empty if there is none
}

// Why a request-target is refused.
const (
	targetForm     = "the request-target is neither a path nor an http URL"
	targetChar     = "the request-target has a control character or a space"
	targetEncoding = "the path has broken percent-encoding, an encoded NUL, or is no UTF-8"
)

// parseTarget takes the request-target apart. It answers why it is refused, or
// the empty string.
func (d *Decision) parseTarget(req *Request, t *target) string {
	rest := req.Target
	for i := range len(rest) {
		if c := rest[i]; c <= ' ' || c == 0x7f {
			return targetChar
		}
	}
	if rest == "*" && req.Method == "OPTIONS" {
		t.raw, t.path = rest, rest
		return ""
	}
	if !strings.HasPrefix(rest, "/") {
		scheme, after, ok := strings.Cut(rest, "://")
		if !ok || !isHTTP(scheme) {
			return targetForm
		}
		end := strings.IndexAny(after, "/?")
		if end < 0 {
			end = len(after)
		}
		t.authority, rest = after[:end], after[end:]
		if t.authority == "" || strings.IndexByte(t.authority, '@') >= 0 {
			return targetForm
		}
	}
	t.raw = rest
	if i := strings.IndexByte(rest, '?'); i >= 0 {
		t.raw, t.query = rest[:i], rest[i:]
	}
	if t.raw == "" {
		t.raw = "/"
	}
	var ok bool
	if t.path, ok = d.unescape(t.raw); !ok || strings.IndexByte(t.path, 0) >= 0 || !utf8.ValidString(t.path) {
		return targetEncoding
	}
	return ""
}

func isHTTP(scheme string) bool {
	for _, known := range [...]string{"http", "https", "ws", "wss"} {
		if strings.EqualFold(scheme, known) {
			return true
		}
	}
	return false
}

// unescape decodes percent-encoding. It fails if there is a "%" without two
// hexadecimal digits.
func (d *Decision) unescape(s string) (string, bool) {
	i := strings.IndexByte(s, '%')
	if i < 0 {
		return s, true
	}
	start := len(d.scratch)
	d.scratch = append(d.scratch, s[:i]...)
	for ; i < len(s); i++ {
		c := s[i]
		if c == '%' {
			decoded, ok := hexPair(s[i+1:])
			if !ok {
				return "", false
			}
			c = decoded
			i += 2
		}
		d.scratch = append(d.scratch, c)
	}
	return d.text(start), true
}

// hexPair decodes the two hexadecimal digits that s begins with.
func hexPair(s string) (byte, bool) {
	if len(s) < 2 {
		return 0, false
	}
	hi, lo := unhex(s[0]), unhex(s[1])
	if hi < 0 || lo < 0 {
		return 0, false
	}
	return byte(hi<<4 | lo), true
}

func unhex(c byte) int {
	switch {
	case '0' <= c && c <= '9':
		return int(c - '0')
	case 'a' <= c && c <= 'f':
		return int(c-'a') + 10
	case 'A' <= c && c <= 'F':
		return int(c-'A') + 10
	}
	return -1
}
