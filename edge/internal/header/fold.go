package header

import (
	"net/http"
	"strings"
)

// Application servers read some names as the same: gunicorn and uwsgi read `_`
// as `-`, CGI in lighttpd reads every character other than letters and digits as
// `-`. Folded names compare as the loosest of these servers compares them.

// Fold returns the common form of all spellings of a name that some application
// server reads as the same.
func Fold(name string) string {
	b := []byte(name)
	for i := range b {
		b[i] = FoldByte(b[i])
	}
	return string(b)
}

// FoldByte returns the folded form of one character of a name.
func FoldByte(c byte) byte {
	switch {
	case c >= 'A' && c <= 'Z':
		return c + 'a' - 'A'
	case c >= 'a' && c <= 'z', c >= '0' && c <= '9':
		return c
	}
	return '-'
}

// EqualFold reports whether Fold(name) is folded, without building it.
func EqualFold(name, folded string) bool {
	if len(name) != len(folded) {
		return false
	}
	for i := range len(name) {
		if FoldByte(name[i]) != folded[i] {
			return false
		}
	}
	return true
}

// HasFolded reports whether h has a field in some spelling.
func HasFolded(h http.Header, name string) bool {
	folded := Fold(name)
	for n := range h {
		if EqualFold(n, folded) {
			return true
		}
	}
	return false
}

// DeleteFolded removes a field in every spelling.
func DeleteFolded(h http.Header, name string) {
	folded := Fold(name)
	for n := range h {
		if EqualFold(n, folded) {
			delete(h, n)
		}
	}
}

// Odd reports whether a name has characters besides letters, digits and hyphens.
func Odd(name string) bool {
	return strings.ContainsFunc(name, func(r rune) bool {
		return !(r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || r == '-')
	})
}
