// Package lexeme reads numbers and quotes text. Package strconv does more, and is
// 2 % of a guest.
package lexeme

import "unicode/utf8"

// Uint parses a number of at least one digit in a base up to 16. It is not ok if s
// has another character, or if the number is more than most.
func Uint(s string, base, most uint64) (n uint64, ok bool) {
	for i := range len(s) {
		digit := uint64(99)
		switch c := s[i]; {
		case '0' <= c && c <= '9':
			digit = uint64(c - '0')
		case 'a' <= c|0x20 && c|0x20 <= 'f':
			digit = uint64(c|0x20-'a') + 10
		}
		if digit >= base || digit > most || n > (most-digit)/base {
			return 0, false
		}
		n = n*base + digit
	}
	return n, s != ""
}

// Hex returns the value of a hexadecimal digit in either case, or -1 for another
// character.
func Hex(c byte) int {
	switch {
	case '0' <= c && c <= '9':
		return int(c - '0')
	case 'a' <= c && c <= 'f':
		return int(c-'a') + 10
	case 'A' <= c && c <= 'F':
		return int(c-'A') + 10
	}
	return -1
}

// Quote returns s in double quotes, with quotes, backslashes, control characters and
// invalid UTF-8 escaped as in Go.
func Quote(s string) string {
	const digits = "0123456789abcdef"
	b := []byte{'"'}
	for i := 0; i < len(s); {
		r, size := utf8.DecodeRuneInString(s[i:])
		switch c := s[i]; {
		case c == '"' || c == '\\':
			b = append(b, '\\', c)
		case c == '\n':
			b = append(b, `\n`...)
		case c < ' ' || c == 0x7f || r == utf8.RuneError && size == 1:
			b = append(b, '\\', 'x', digits[c>>4], digits[c&15])
		default:
			b = append(b, s[i:i+size]...)
		}
		i += size
	}
	return string(append(b, '"'))
}
