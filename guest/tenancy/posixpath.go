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

// normPath is Python's os.path.normpath on POSIX. Two slashes in front, and no
// third, are kept: POSIX leaves their meaning open. A relative path may begin
// with "..".
func normPath(path string) string {
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
	case final == base, strings.HasPrefix(final, base+"/"):
		return final, true
	case base == "/", base == "//":
		// A base that is its own parent holds everything.
		return final, true
	case base == ".":
		return final, !strings.HasPrefix(final, "/") && final != ".." && !strings.HasPrefix(final, "../")
	}
	return "", false
}
