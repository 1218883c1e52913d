package sockets

import "unicode/utf8"

// textCheck validates text that comes in pieces, and fails at the first byte
// after which no continuation could make it valid.
type textCheck struct {
	partial [utf8.UTFMax - 1]byte // the start of a character whose rest is to come
	n       uint8
}

// next takes the next piece.
func (t *textCheck) next(p []byte) bool {
	for t.n > 0 && len(p) > 0 {
		var whole [utf8.UTFMax]byte
		size := copy(whole[:], t.partial[:t.n])
		size += copy(whole[size:size+1], p)
		p = p[1:]
		if !utf8.FullRune(whole[:size]) {
			copy(t.partial[:], whole[:size])
			t.n = uint8(size)
			continue
		}
		t.n = 0
		if r, width := utf8.DecodeRune(whole[:size]); r == utf8.RuneError && width <= 1 {
			return false
		}
	}
	tail := partialRune(p)
	t.n += uint8(copy(t.partial[t.n:], tail))
	return utf8.Valid(p[:len(p)-len(tail)])
}

// whole reports whether the text ends between two characters.
func (t *textCheck) complete() bool { return t.n == 0 }

// unfinished is the start of a character at the end of p; what can become no
// character is not one.
func partialRune(p []byte) []byte {
	for i := len(p) - 1; i >= 0 && i >= len(p)-(utf8.UTFMax-1); i-- {
		if utf8.RuneStart(p[i]) {
			if utf8.FullRune(p[i:]) {
				return nil
			}
			return p[i:]
		}
	}
	return nil
}
