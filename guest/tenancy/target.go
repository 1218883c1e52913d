package tenancy

import (
	"strings"
	"unicode/utf8"

	"github.com/tenantedge/tenantedge/guest/internal/lexeme"
)

// target is a parsed request-target under the hardened rules.
type target struct {
	authority string // of an absolute target, else empty
	raw       string // path as sent
	path      string // path decoded
	query     string // with its "?", empty if there is none
	// lenient is the first segment that the most lenient server reads, empty if
	// it is that of path.
	lenient string
}

// Reasons of parseTarget.
const (
	targetForm     = "the request-target is neither a path nor an http URL"
	targetChar     = "the request-target has a control character or a space"
	targetEncoding = "the path has invalid percent-encoding or an encoded NUL, or is not UTF-8"
)

// parseTarget parses the request-target. It returns the reason for refusing the
// request, or the empty string.
func (d *Decision) parseTarget(req *Request, t *target) string {
	rest := req.Target
	if plain := plainPath(rest); plain > 0 && (plain == len(rest) || rest[plain] == '?' && isVisible(rest[plain:])) {
		t.raw, t.path, t.query = rest[:plain], rest[:plain], rest[plain:]
		return ""
	}
	if !isVisible(rest) {
		return targetChar
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

// plainPath returns the length of the path at the start of s if nothing in it is
// encoded, as in nearly all requests.
func plainPath(s string) int {
	if s == "" || s[0] != '/' {
		return 0
	}
	i := 1
	for i < len(s) && plainSet[s[i]] {
		i++
	}
	return i
}

var plainSet = func() (set byteSet) {
	for c := '!'; c <= '~'; c++ {
		set[c] = c != '%' && c != '?'
	}
	return set
}()

// isVisible reports whether s has neither control characters nor spaces.
func isVisible(s string) bool {
	for i := range len(s) {
		if c := s[i]; c <= ' ' || c == 0x7f {
			return false
		}
	}
	return true
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

// hexPair decodes the two hexadecimal digits at the start of s.
func hexPair(s string) (byte, bool) {
	if len(s) < 2 {
		return 0, false
	}
	hi, lo := lexeme.Hex(s[0]), lexeme.Hex(s[1])
	if hi < 0 || lo < 0 {
		return 0, false
	}
	return byte(hi<<4 | lo), true
}
