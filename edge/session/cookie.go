package session

import (
	"net/http"
	"net/url"
	"strings"
)

// Servers and frameworks parse Cookie headers differently. Of several cookies
// with the same name Django uses the last, Go and Express the first. Django under
// ASGI strips U+00A0 and U+0085 from names, under WSGI all Unicode white space;
// others split at commas and spaces, decode percent signs, drop a leading equals
// sign, or ignore case. So the edge uses only a session cookie in its plain form,
// the last of several, and removes every other that some parser may use.

// sessionCookie is the session's cookie of a request.
type sessionCookie struct {
	value string
	found bool
	sole  bool // every parser finds this value, or none if found is false
}

// cookieOf finds the session's cookie.
func (r *Reader) cookieOf(h http.Header) sessionCookie {
	c := sessionCookie{sole: true}
	quotes := false
	for _, line := range h["Cookie"] {
		for chunk := range strings.SplitSeq(line, ";") {
			switch value, ok := r.value(chunk); {
			case ok:
				c.sole = c.sole && !c.found && len(value)+len(r.cookie)+1 == len(strings.Trim(chunk, blanks))
				c.value, c.found = value, true
			case resembles(chunk, r.cookie):
				c.sole = false
			case opensQuotes(chunk):
				quotes = true
			}
		}
	}
	c.sole = c.sole && !(c.found && quotes)
	return c
}

// CleanSession returns header without session cookies other than the one that
// Session reads: header itself if there are none, a copy otherwise.
func (r *Reader) CleanSession(header http.Header) http.Header {
	c := r.cookieOf(header)
	if c.sole {
		return header
	}
	clean := header.Clone()
	r.RemoveSession(clean)
	if c.found {
		clean["Cookie"] = []string{strings.TrimPrefix(clean.Get("Cookie")+"; ", "; ") + r.cookie + "=" + c.value}
	}
	return clean
}

// RemoveSession removes every cookie that some parser may use as the session's.
func (r *Reader) RemoveSession(h http.Header) {
	var kept []string
	for _, line := range h["Cookie"] {
		for chunk := range strings.SplitSeq(line, ";") {
			if chunk = strings.Trim(chunk, blanks); chunk != "" && !resembles(chunk, r.cookie) && !opensQuotes(chunk) {
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

const blanks = " \t"

// value returns the value of a chunk that every parser uses as the session's
// cookie. Like Django it removes quotes.
func (r *Reader) value(chunk string) (value string, ok bool) {
	name, value, ok := strings.Cut(chunk, "=")
	if !ok || strings.Trim(name, blanks) != r.cookie {
		return "", false
	}
	value = strings.Trim(value, blanks)
	if len(value) >= 2 && value[0] == '"' && value[len(value)-1] == '"' {
		value = value[1 : len(value)-1]
	}
	if strings.ContainsFunc(value, func(c rune) bool { return c <= ' ' || c >= 0x7f || c == '"' || c == ',' || c == '\\' }) {
		return "", false
	}
	if strings.Contains(value, "%") && r.couldBeSession(unescape(value)) {
		return "", false
	}
	return value, true
}

// couldBeSession reports whether a value has the form of a signed session or, with
// a store, of a session key.
func (r *Reader) couldBeSession(value string) bool {
	if r.table != nil {
		return isSessionKey(value)
	}
	return strings.Count(value, ":") >= 2
}

// resembles reports whether some parser finds a cookie called name in a chunk.
func resembles(chunk, name string) bool {
	if key, _ := keyOf(chunk); sameName(key, name) {
		return true
	}
	for piece := range strings.FieldsFuncSeq(chunk, func(c rune) bool { return c <= ' ' || c >= 0x7f || c == ',' }) {
		if key, ok := keyOf(piece); ok && sameName(key, name) {
			return true
		}
	}
	return false
}

// keyOf returns the name of a chunk, without leading equals signs and ignored
// characters. ok is false if no equals sign follows it.
func keyOf(chunk string) (key string, ok bool) {
	key, _, ok = strings.Cut(strings.TrimLeftFunc(chunk, func(c rune) bool { return c == '=' || ignored(c) }), "=")
	return key, ok
}

// ignored reports whether some parser strips a character from names.
func ignored(c rune) bool { return c <= ' ' || c >= 0x7f || c == '"' || c == '\'' }

// sameName reports whether some parser reads key as name. PHP truncates a name at
// a bracket that is closed, and converts dots, spaces and other opening brackets to
// underscores.
func sameName(key, name string) bool {
	if strings.Contains(key, "%") {
		key = unescape(key)
	}
	if before, _, ok := strings.Cut(key, "["); ok && sameName(before, name) {
		return true
	}
	at := 0
	for _, c := range []byte(key) {
		switch {
		case at < len(name) && folded(c) == folded(name[at]):
			at++
		case !ignored(rune(c)):
			return false
		}
	}
	return at == len(name)
}

func folded(c byte) byte {
	switch {
	case c >= 'A' && c <= 'Z':
		return c + 'a' - 'A'
	case c == '.' || c == ' ' || c == '+' || c == '[':
		return '_'
	}
	return c
}

// unescape decodes percent signs, or returns s if it cannot be decoded.
func unescape(s string) string {
	if u, err := url.PathUnescape(s); err == nil {
		return u
	}
	return s
}

// opensQuotes reports whether a value starts with a quote that is not closed at
// the end of the chunk: Python's http.cookies continues after the semicolon.
func opensQuotes(chunk string) bool {
	_, value, _ := strings.Cut(chunk, "=")
	value = strings.TrimFunc(value, func(c rune) bool { return c <= ' ' })
	if !strings.HasPrefix(value, `"`) {
		return false
	}
	escaped := false
	for i := 1; i < len(value); i++ {
		switch {
		case escaped:
			escaped = false
		case value[i] == '\\':
			escaped = true
		case value[i] == '"':
			return i != len(value)-1
		}
	}
	return true
}
