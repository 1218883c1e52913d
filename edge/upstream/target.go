package upstream

import (
	"net/url"
	"strings"
)

// targetURL returns the URL of a request to an application at base. On the wire, its
// target is requestURI, the client's, byte for byte: parsing and formatting a URL in
// Go would escape some bytes and unescape others.
//
// With inner, the first segment of the path is removed. path is what must remain,
// unescaped; if anything else remains, path replaces it.
func targetURL(base *url.URL, requestURI string, inner bool, path string) *url.URL {
	raw, query, hasQuery := strings.Cut(originForm(requestURI), "?")
	if inner {
		raw = rest(raw, path)
	}
	u := *base
	u.RawQuery, u.ForceQuery = query, hasQuery && query == ""
	if raw == "*" {
		u.Path, u.RawPath, u.Opaque = "*", "", "*"
		return &u
	}
	full := strings.TrimSuffix(base.EscapedPath(), "/") + raw
	u.Opaque = full
	if strings.HasPrefix(full, "//") {
		u.Opaque = "" // RequestURI would prepend the scheme, and the first segment would become a host
		full = escapeInvalid(full)
	}
	u.Path, u.RawPath = full, ""
	if plain, err := url.PathUnescape(full); err == nil {
		u.Path, u.RawPath = plain, full
	}
	return &u
}

// originForm removes scheme and host from a target that is an absolute URL.
func originForm(target string) string {
	if strings.HasPrefix(target, "/") || target == "*" {
		return target
	}
	if _, after, found := strings.Cut(target, "://"); found {
		if i := strings.IndexAny(after, "/?"); i >= 0 {
			if after[i] == '?' {
				return "/" + after[i:]
			}
			return after[i:]
		}
	}
	return "/"
}

// rest returns the escaped form of path that follows the first segment of raw, or
// escapes path if raw has none. Routing turns several slashes after the folder into
// one, since an application might redirect clients to //host.
func rest(raw, path string) string {
	if i := strings.IndexByte(strings.TrimPrefix(raw, "/"), '/'); i >= 0 && strings.HasPrefix(raw, "/") {
		for after := raw[i+1:]; strings.HasPrefix(after, "/"); after = after[1:] {
			if plain, err := url.PathUnescape(after); err == nil && plain == path {
				return after
			}
		}
	}
	return (&url.URL{Path: path}).EscapedPath()
}

// escapeInvalid escapes the bytes that are invalid in a path, and keeps existing
// escapes.
func escapeInvalid(path string) string {
	const hex = "0123456789ABCDEF"
	var b strings.Builder
	for i := range len(path) {
		c := path[i]
		if c <= ' ' || c >= 0x7f || strings.IndexByte("\"<>[\\]^`{|}#", c) >= 0 {
			b.WriteString("%" + string(hex[c>>4]) + string(hex[c&15]))
			continue
		}
		b.WriteByte(c)
	}
	return b.String()
}
