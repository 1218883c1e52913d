package guest

import "strings"

// Cookie returns the value of the first cookie of that name in the value of a
// request's Cookie header, and whether there is one. Values are as the client sent
// them: servers and frameworks differ in quotes, and in which of several cookies
// with the same name they read.
func Cookie(header, name string) (value string, ok bool) {
	for header != "" {
		end := strings.IndexAny(header, ";\n") // a line feed is between two headers
		pair := header
		if end < 0 {
			header = ""
		} else {
			pair, header = header[:end], header[end+1:]
		}
		key, value, ok := strings.Cut(strings.Trim(pair, " \t"), "=")
		if ok && key == name {
			return value, true
		}
	}
	return "", false
}
