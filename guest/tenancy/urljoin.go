package tenancy

import "strings"

// joinURL is Python's urljoin for a base that is a path, and a name that is a
// relative path without query and fragment.
func joinURL(base, name string) string {
	switch {
	case name == "":
		return base
	case isPlainBase(base) && areNormal(name):
		return base + name
	}
	return urljoin(base, name)
}

// isPlainBase reports whether a name can just be appended to a base URL: it has
// normal segments of ASCII between slashes.
func isPlainBase(base string) bool {
	if len(base) < 3 || base[0] != '/' || base[len(base)-1] != '/' || !areNormal(base[1:len(base)-1]) {
		return false
	}
	for i := range len(base) {
		if c := base[i]; c <= ' ' || c >= 0x7f || c == '#' || c == '?' {
			return false
		}
	}
	return true
}

// urljoin is joinURL for any base and name.
func urljoin(base, name string) string {
	// Python's parser removes these everywhere.
	clean := make([]byte, 0, len(base))
	for i := range len(base) {
		if c := base[i]; c != '\t' && c != '\r' && c != '\n' {
			clean = append(clean, c)
		}
	}
	base = string(clean)
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

// replaceByte returns s with each byte from replaced by to.
func replaceByte(s string, from, to byte) string {
	b := []byte(s)
	for i := range b {
		if b[i] == from {
			b[i] = to
		}
	}
	return string(b)
}

// fileURL is Django's filepath_to_uri without leading slashes.
func fileURL(name string) string {
	unsafe := 0
	for i := range len(name) {
		if !fileSafe[name[i]] {
			unsafe++
		}
	}
	if unsafe > 0 { // counts backslashes too
		name = replaceByte(name, '\\', '/')
		name = string(appendEscaped(make([]byte, 0, len(name)+2*unsafe), name, &fileSafe))
	}
	return strings.TrimLeft(name, "/")
}
