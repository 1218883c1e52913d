package tenancy

import "strings"

// joinURL is Python's urljoin for what a storage joins: a base that is a path,
// and a relative path without query or fragment.
func joinURL(base, name string) string {
	if name == "" {
		return base
	}
	// Python's parser takes these out wherever they stand.
	base = strings.Map(func(r rune) rune {
		if r == '\t' || r == '\r' || r == '\n' {
			return -1
		}
		return r
	}, base)
	base, _, _ = strings.Cut(base, "#")
	base, _, _ = strings.Cut(base, "?")
	base = base[:strings.LastIndexByte(base, '/')+1]

	parts := append(strings.Split(base, "/"), strings.Split(name, "/")...)
	var kept []string
	for i, part := range parts {
		switch {
		case part == "" && i > 0 && i < len(parts)-1:
		case part == "..":
			if len(kept) > 0 {
				kept = kept[:len(kept)-1]
			}
		case part == ".":
		default:
			kept = append(kept, part)
		}
	}
	if last := parts[len(parts)-1]; last == "." || last == ".." {
		kept = append(kept, "")
	}
	if joined := strings.Join(kept, "/"); joined != "" {
		return joined
	}
	return "/"
}

// fileURL is Django's filepath_to_uri without the slashes in front.
func fileURL(name string) string {
	name = strings.ReplaceAll(name, `\`, "/")
	return strings.TrimLeft(string(appendEscaped(nil, name, &fileSafe)), "/")
}
