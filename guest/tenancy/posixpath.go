package tenancy

import "strings"

// joinPath is Python's os.path.join on POSIX. If b is absolute, it returns b.
func joinPath(a, b string) string {
	switch {
	case strings.HasPrefix(b, "/"):
		return b
	case a == "" || strings.HasSuffix(a, "/"):
		return a + b
	default:
		return a + "/" + b
	}
}

// normPath is Python's os.path.normpath on POSIX. Nearly all paths are normal
// except for a trailing slash, and checking that is cheaper than building a path.
func normPath(path string) string {
	if short := strings.TrimSuffix(path, "/"); strings.HasPrefix(short, "/") && areNormal(short[1:]) {
		return short
	}
	return buildNormPath(path)
}

// areNormal reports whether no segment of a path is empty, "." or "..".
func areNormal(segments string) bool {
	start := 0
	for i := range len(segments) {
		if segments[i] == '/' {
			if !isNormal(segments[start:i]) {
				return false
			}
			start = i + 1
		}
	}
	return isNormal(segments[start:])
}

func isNormal(segment string) bool { return segment != "" && segment != "." && segment != ".." }

// buildNormPath is normPath for any path. Exactly two leading slashes are kept, as
// POSIX does not define their meaning. A relative path may begin with "..".
func buildNormPath(path string) string {
	front := ""
	switch {
	case strings.HasPrefix(path, "//") && !strings.HasPrefix(path, "///"):
		front = "//"
	case strings.HasPrefix(path, "/"):
		front = "/"
	}
	var kept []string
	for part := range strings.SplitSeq(path, "/") {
		switch {
		case part == "" || part == ".":
		case part != "..":
			kept = append(kept, part)
		case len(kept) > 0 && kept[len(kept)-1] != "..":
			kept = kept[:len(kept)-1]
		case front == "":
			kept = append(kept, part)
		}
	}
	if path = front + strings.Join(kept, "/"); path == "" {
		return "."
	}
	return path
}

// safeJoin is Django's safe_join: it returns the normalized path of name below
// base, or false if the path is not below base.
func safeJoin(base, name string) (string, bool) {
	final, base := normPath(joinPath(base, name)), normPath(base)
	switch {
	case final == base, len(final) > len(base) && final[:len(base)] == base && final[len(base)] == '/':
		return final, true
	case base == "/", base == "//":
		// Every path is below a base that is its own parent.
		return final, true
	case base == ".":
		return final, !strings.HasPrefix(final, "/") && final != ".." && !strings.HasPrefix(final, "../")
	}
	return "", false
}
