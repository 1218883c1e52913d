package trust

import (
	"slices"
	"strings"
)

// ConsoleCookie is the cookie of those who have signed in to the console. Over TLS, its
// name has the prefix __Host-. Browsers send cookies to all ports of a host: without
// Normalize, the application at localhost:8080 would get that of an operator who uses
// the console at localhost:8081, and could use it there.
const ConsoleCookie = "tenantedge-console"

func hasConsoleCookie(lines []string) bool {
	return slices.ContainsFunc(lines, func(line string) bool { return strings.Contains(line, ConsoleCookie) })
}

// withoutConsoleCookies returns a Cookie line without the cookies of the console.
func withoutConsoleCookies(line string) string {
	if !strings.Contains(line, ConsoleCookie) {
		return line
	}
	var kept []string
	for cookie := range strings.SplitSeq(line, ";") {
		name, _, _ := strings.Cut(cookie, "=")
		name = strings.TrimPrefix(strings.Trim(name, " \t"), "__Host-")
		if cookie = strings.Trim(cookie, " \t"); cookie != "" && name != ConsoleCookie {
			kept = append(kept, cookie)
		}
	}
	return strings.Join(kept, "; ")
}
