// Package header reads and checks the fields of HTTP messages.
package header

import (
	"iter"
	"net/http"
	"strings"

	"golang.org/x/net/http/httpguts"
)

// Tokens iterates over the elements of a comma-separated field, which may have
// several lines: without blanks around them, and without empty ones.
func Tokens(lines []string) iter.Seq[string] {
	return func(yield func(string) bool) {
		for _, line := range lines {
			for token := range strings.SplitSeq(line, ",") {
				if token = strings.Trim(token, " \t"); token != "" && !yield(token) {
					return
				}
			}
		}
	}
}

// HasToken reports whether a comma-separated field has an element, in any case.
func HasToken(lines []string, token string) bool {
	for t := range Tokens(lines) {
		if strings.EqualFold(t, token) {
			return true
		}
	}
	return false
}

// Valid reports whether name and value are a valid field.
func Valid(name, value string) bool {
	return httpguts.ValidHeaderFieldName(name) && ValidValue(value)
}

// ValidValue reports whether value is a valid field value: without control
// characters, and without blanks at either end.
func ValidValue(value string) bool {
	return httpguts.ValidHeaderFieldValue(value) && (value == "" || !blank(value[0]) && !blank(value[len(value)-1]))
}

func blank(c byte) bool { return c == ' ' || c == '\t' }

// RemoveHopByHop removes the fields for the next hop only (RFC 9110, 7.6.1).
func RemoveHopByHop(h http.Header) {
	for name := range Tokens(h["Connection"]) {
		if name = http.CanonicalHeaderKey(name); !strings.HasPrefix(name, "Sec-Websocket-") {
			delete(h, name)
		}
	}
	for _, name := range []string{"Connection", "Upgrade", "Keep-Alive", "Proxy-Connection", "Proxy-Authenticate", "Proxy-Authorization", "Te", "Trailer", "Transfer-Encoding"} {
		delete(h, name)
	}
}
