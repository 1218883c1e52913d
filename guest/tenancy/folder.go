package tenancy

import (
	"strings"
	"unicode/utf8"

	"github.com/tenantedge/tenantedge/guest/internal/pyregex"
)

// firstSegment returns the first segment of a path for a server that treats
// backslashes as slashes and merges slashes. serve accepts it as a folder only
// after exactly one slash.
func firstSegment(path string) string {
	start := 0
	for start < len(path) && isSlash(path[start]) {
		start++
	}
	end := start
	for end < len(path) && !isSlash(path[end]) {
		end++
	}
	return path[start:end]
}

func isSlash(c byte) bool { return c == '/' || c == '\\' }

// cutFolder removes the folder from the decoded and the raw path. It fails unless
// the raw path is a slash, the folder, and then the end or a slash that is not
// encoded.
func cutFolder(t *target, folder string) (path, raw string, ok bool) {
	path, ok = strings.CutPrefix(t.path[1:], folder)
	if !ok || t.raw[0] != '/' || path != "" && path[0] != '/' {
		return "", "", false
	}
	raw = t.raw[1:]
	for range len(folder) {
		if raw == "" || raw[0] == '/' {
			return "", "", false
		}
		if raw[0] == '%' {
			raw = raw[3:]
		} else {
			raw = raw[1:]
		}
	}
	if raw != "" && raw[0] != '/' {
		return "", "", false
	}
	return path, raw, true
}

// climbs reports whether a path leads above its root for a server that resolves
// "..", whether it merges slashes first or not.
func climbs(path string) bool {
	depth := 0
	for path != "" {
		end := 0
		for end < len(path) && !isSlash(path[end]) {
			end++
		}
		switch path[:end] {
		case "", ".":
		case "..":
			depth--
		default:
			depth++
		}
		if depth < 0 {
			return true
		}
		if end == len(path) {
			break
		}
		path = path[end+1:]
	}
	return false
}

// rooted returns the path with exactly one leading slash, so that no client or
// server reads its first segment as a host. It shares path's memory if possible.
func (d *Decision) rooted(path string) string {
	start := 0
	for start < len(path) && isSlash(path[start]) {
		start++
	}
	if start > 0 && path[start-1] == '/' {
		return path[start-1:]
	}
	if start == len(path) {
		return "/"
	}
	at := len(d.scratch)
	d.scratch = append(append(d.scratch, '/'), path[start:]...)
	return d.text(at)
}

// stripFolder removes the folder from the start of a path as the reference does,
// which uses the folder unquoted in a regular expression. It fails if the
// expression is invalid, where the reference crashes.
func stripFolder(path, folder string) (string, bool) {
	if !strings.ContainsAny(folder, `.^$*+?{}[]\|()`) {
		if rest, ok := strings.CutPrefix(path, "/"); ok {
			if rest, ok = strings.CutPrefix(rest, folder); ok && strings.HasPrefix(rest, "/") {
				return rest, true
			}
		}
		return path, true
	}
	re, err := pyregex.Compile("^/" + folder + "/")
	if err != nil {
		return path, false
	}
	return re.ReplaceAll(path, "/")
}

// CanBeFolder reports whether folder can be the first segment of a path. It cannot
// if it is empty, has a slash, a backslash or a NUL, is a dot segment, or is not
// UTF-8.
func CanBeFolder(folder string) bool {
	return folder != "" && firstSegment(folder) == folder && !isDots(folder) && strings.IndexByte(folder, 0) < 0 && utf8.ValidString(folder)
}
