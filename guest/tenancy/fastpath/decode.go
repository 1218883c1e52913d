package fastpath

import (
	"unicode/utf8"

	"github.com/tenantedge/tenantedge/guest/internal/lexeme"
)

// Decode decodes the percent-encoding of the path b[at:end] of a target that
// [Target] has read, and writes the path to b[to:]. It is not ok if servers may read
// the path differently, or if there is no room.
func Decode(b []byte, at, end, to int) (p Path, ok bool) {
	if at < 0 || at >= end || end > to || end-at > len(b)-to {
		return p, false
	}
	segment, seen := to+1, byte(0) // start of the current segment, and all bytes
	p.End = to
	for ; at < end; at++ {
		c := b[at]
		switch {
		case c == ';':
			return p, false
		case (c == '/' || c == '\\') && p.End > to:
			if dubious(b[segment:p.End]) {
				return p, false
			}
			if segment = p.End + 1; p.Segment == 0 {
				p.Segment = p.End
			}
		case c == '%':
			if end-at < 3 {
				return p, false
			}
			value := lexeme.Hex(b[at+1])<<4 | lexeme.Hex(b[at+2])
			if value < 0 || ambiguous[value] {
				return p, false
			}
			c = byte(value)
			at += 2
		}
		b[p.End] = c
		p.End++
		seen |= c
	}
	if p.Segment == 0 {
		p.Segment = p.End
	}
	return p, !dubious(b[segment:p.End]) && (seen < utf8.RuneSelf || utf8.Valid(b[to:p.End]))
}

// ambiguous are the bytes that some servers read differently if they are encoded:
// as separators, or as part of a sequence that tenancy lists as lookalike of one.
var ambiguous = func() (set [256]bool) {
	for c := range byte(' ') {
		set[c] = true
	}
	for _, c := range []byte{'%', '/', '\\', ';', 0x7f, 0xe2, 0xef} {
		set[c] = true
	}
	return set
}()

// dubious reports whether some servers remove a segment or shorten it.
func dubious(segment []byte) bool {
	n := len(segment)
	return n > 0 && (segment[n-1] == ' ' || segment[0] == '.' && (n == 1 || n == 2 && segment[1] == '.'))
}
