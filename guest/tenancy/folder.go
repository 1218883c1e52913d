package tenancy

import (
	"strings"
	"unicode/utf8"

	"github.com/tenantedge/tenantedge/guest/internal/pyregex"
)

// candidate is the first segment of a path as the most lenient reader would
// find it, one that takes backslashes for slashes and many slashes for one.
// Only its spelling with exactly one slash in front is ever routed by.
func candidate(path string) string {
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

// cutFolder takes the folder off a path, in both its spellings. It fails if
// the path does not spell the folder plainly: one slash, the folder, and then
// the end or a slash that was sent as one.
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

// climbs reports whether a path leads above where it starts, for a reader that
// resolves "..", whether it merges slashes first or not.
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

// rooted gives a path exactly one slash in front, so that no reader takes its
// beginning for a host. It shares path's memory where it can.
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

// stripFolder takes "/folder/" off a path as the reference does, which puts
// the folder into a regular expression without quoting it. It fails where the
// reference crashes.
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

// CanBeFolder reports whether the first segment of some path can be a folder: one
// with a slash of either kind never is, nor is a dot segment.
func CanBeFolder(folder string) bool {
	return folder != "" && candidate(folder) == folder && !isDots(folder) && strings.IndexByte(folder, 0) < 0 && utf8.ValidString(folder)
}
