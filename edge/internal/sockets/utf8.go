package sockets

import "unicode/utf8"

// textCheck validates UTF-8 in chunks. It fails at the first byte that makes the
// text invalid.
type textCheck struct {
	partial [utf8.UTFMax - 1]byte // an incomplete character
	n       uint8
}

// next validates the next chunk.
func (t *textCheck) next(p []byte) bool {
	for t.n > 0 && len(p) > 0 {
		var char [utf8.UTFMax]byte
		size := copy(char[:], t.partial[:t.n])
		size += copy(char[size:size+1], p)
		p = p[1:]
		if !utf8.FullRune(char[:size]) {
			copy(t.partial[:], char[:size])
			t.n = uint8(size)
			continue
		}
		t.n = 0
		if r, width := utf8.DecodeRune(char[:size]); r == utf8.RuneError && width <= 1 {
			return false
		}
	}
	tail := partialRune(p)
	t.n += uint8(copy(t.partial[t.n:], tail))
	return utf8.Valid(p[:len(p)-len(tail)])
}

// complete reports whether the text ends between two characters.
func (t *textCheck) complete() bool { return t.n == 0 }

// partialRune returns the incomplete but so far valid character at the end of p;
// nil if there is none.
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
