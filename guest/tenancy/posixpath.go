package tenancy

import "strings"

// joinPath is Python's os.path.join on POSIX: a second part that is absolute
// stands for itself.
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
// already, but for a slash at their end. Building anything costs a guest more
// than to find that out.
func normPath(path string) string {
	if short := strings.TrimSuffix(path, "/"); strings.HasPrefix(short, "/") && areNormal(short[1:]) {
		return short
	}
	return normalise(path)
}

// areNormal reports whether the segments of a path all mean themselves: none is
// empty, "." or "..".
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

// normalise is normPath for any path. Two slashes in front, and no third, are
// kept: POSIX leaves their meaning open. A relative path may begin with "..".
func normalise(path string) string {
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

// safeJoin is Django's safe_join: the normalised path of name below base, or
// false if it lies elsewhere.
func safeJoin(base, name string) (string, bool) {
	final, base := normPath(joinPath(base, name)), normPath(base)
	switch {
	case final == base, len(final) > len(base) && final[:len(base)] == base && final[len(base)] == '/':
		return final, true
	case base == "/", base == "//":
		// A base that is its own parent holds everything.
		return final, true
	case base == ".":
		return final, !strings.HasPrefix(final, "/") && final != ".." && !strings.HasPrefix(final, "../")
	}
	return "", false
}
