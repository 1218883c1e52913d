package session

import (
	"net/http"
	"strings"
)

// cookieOf finds a cookie as Django's parse_cookie does, and not as net/http
// does: of several with the same name the last one counts, and none is left
// out for its characters. The edge and the application must never see
// different sessions in the same request.
func cookieOf(h http.Header, name string) (value string, found bool) {
	for _, line := range h["Cookie"] {
		for chunk := range strings.SplitSeq(line, ";") {
			key, v, ok := strings.Cut(chunk, "=")
			if ok && strings.TrimSpace(key) == name {
				value, found = unquote(strings.TrimSpace(v)), true
			}
		}
	}
	return value, found
}

// removeCookie removes the cookies called name, in any case of its letters and
// with any odd characters around it: servers differ in what they drop there.
func removeCookie(h http.Header, name string) {
	var kept []string
	for _, line := range h["Cookie"] {
		for chunk := range strings.SplitSeq(line, ";") {
			key, _, _ := strings.Cut(chunk, "=")
			key = strings.TrimFunc(key, func(r rune) bool { return r <= ' ' || r >= 0x7f || r == '"' })
			if chunk = strings.TrimSpace(chunk); chunk != "" && !strings.EqualFold(key, name) {
				kept = append(kept, chunk)
			}
		}
	}
	if kept == nil {
		h.Del("Cookie")
		return
	}
	h["Cookie"] = []string{strings.Join(kept, "; ")}
}

// unquote takes the quotes off. Python also resolves backslashes inside, but
// no session that Django wrote has any.
func unquote(s string) string {
	if len(s) >= 2 && s[0] == '"' && s[len(s)-1] == '"' {
		return s[1 : len(s)-1]
	}
	return s
}
