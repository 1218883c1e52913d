package tenancy

import "strings"

// djangoAccepts reports whether Django's get_host accepts a Host header: a name of
// letters, digits, hyphens and dots, or text like an IPv6 address in brackets, with
// an optional port of any number of digits.
func djangoAccepts(host string) bool {
	end := len(host)
	for end > 0 && isDigit(host[end-1]) {
		end--
	}
	if end > 0 && end < len(host) && host[end-1] == ':' {
		// The digits are a port, unless they end an address without brackets.
		host = host[:end-1]
	}
	if strings.HasPrefix(host, "[") {
		return looksLikeIPv6(host)
	}
	for i := range len(host) {
		c := lowerByte(host[i])
		if !isDigit(c) && (c < 'a' || c > 'z') && c != '.' && c != '-' {
			return false
		}
	}
	// Without its trailing dot, "." is empty.
	return host != "" && host != "."
}

// looksLikeIPv6 reports whether host matches \[[a-f0-9]*:[a-f0-9.:]+\].
func looksLikeIPv6(host string) bool {
	inner, ok := strings.CutSuffix(host[1:], "]")
	first := strings.IndexByte(inner, ':')
	if !ok || first < 0 || first+1 == len(inner) {
		return false
	}
	for i := range len(inner) {
		c := lowerByte(inner[i])
		if !isDigit(c) && (c < 'a' || c > 'f') && c != ':' && (c != '.' || i < first) {
			return false
		}
	}
	return true
}

func isDigit(c byte) bool { return '0' <= c && c <= '9' }

// djangoHostname returns the part of a Host that the reference compares: the text
// before the first colon, without one leading "www.".
func djangoHostname(host string) string {
	name, _, _ := strings.Cut(host, ":")
	return withoutWWW(name)
}
