package tenancy

import (
	"encoding/binary"
	"math/bits"
	"unsafe"
)

// Hosts and request-targets are read eight bytes at a time here: in a Wasm
// guest of Go's toolchain each jump costs as much as ten additions. What these
// readers do not take for plain is not wrong; it goes the way that explains.

const (
	every = 0x0101010101010101 // times a byte: that byte in each place
	tops  = 0x80 * every       // top bit of each byte
)

// from has the top bit of each byte of x that is at least c. All must be ASCII,
// as must c. The bytes in a range from a to before b are from(x, a) ^ from(x, b).
func from(x uint64, c byte) uint64 { return x + every*uint64(0x80-c) }

// text is the bytes that a part of a message lies in. They are read without a
// check of the bounds at each step, which would make a request a tenth slower;
// so whoever makes one to read b[at:end] sees first that it is inside.
type text struct{ start unsafe.Pointer }

func (t text) word(at int) uint64 {
	return binary.LittleEndian.Uint64((*[8]byte)(unsafe.Add(t.start, at))[:])
}

// tail is the last n < 8 bytes before end, low byte first, with zeros above.
func (t text) tail(end, n int) uint64 { return t.word(end-8) >> (64 - 8*uint(n)) }

// inside reports whether b[at:end] is not empty and may be read as a text.
func inside(b []byte, at, end int) bool { return at >= 0 && at < end && end >= 8 && end <= len(b) }

// PlainHost reports whether b[at:end] is a host name that is in normal form
// already and has no port. It may deny it to one that is. The hash is that for [Shortcut.Static].
func PlainHost(b []byte, at, end int) (hash uint64, ok bool) {
	if !inside(b, at, end) || end-at > maxLabel {
		return 0, false
	}
	t := text{unsafe.Pointer(unsafe.SliceData(b))}
	// Before the name stands what may stand before no hyphen and no dot: a dot.
	hyphenBefore, dotBefore, bad := uint64(0), uint64(0x80), uint64(0)
	for {
		var x, filled uint64
		if n := end - at; n >= 8 {
			x = t.word(at)
			filled = x
		} else if n > 0 {
			x = t.tail(end, n)
			filled = x | 'a'*every<<(8*uint(n))
		} else {
			break
		}
		hash = mix(hash, x)
		hyphens, dots, slashes := from(filled, '-'), from(filled, '.'), from(filled, '/')
		hyphens, dots = (hyphens^dots)&tops, (dots^slashes)&tops
		letters := from(filled, '0') ^ from(filled, ':') ^ from(filled, '_') ^ from(filled, '`') ^ from(filled, 'a') ^ from(filled, '{')
		bad |= filled | ^(letters | hyphens | dots)
		// No label is empty, and none begins or ends with a hyphen.
		bad |= dots & (hyphens<<8 | hyphenBefore | dots<<8 | dotBefore)
		bad |= hyphens & (dots<<8 | dotBefore)
		hyphenBefore, dotBefore = hyphens>>56, dots>>56
		at += 8
	}
	return hash, bad&tops == 0 && b[end-1] > '.'
}

// mix takes eight more bytes into a hash.
func mix(hash, x uint64) uint64 {
	hash = (hash ^ x) * 0x9e3779b97f4a7c15
	return hash ^ hash>>32
}

// hashHost is the hash that PlainHost gives.
func hashHost(host string) (hash uint64) {
	for i := 0; i < len(host); i += 8 {
		var x [8]byte
		copy(x[:], host[i:])
		hash = mix(hash, binary.LittleEndian.Uint64(x[:]))
	}
	return hash
}

// Path says where the parts of a plain request-target are.
type Path struct {
	Segment int  // end of the path's first segment
	End     int  // end of the path: the query's beginning
	Odd     bool // a segment begins with a dot, or path parameters do: readers may disagree
}

// PlainTarget reports whether b[at:end] is a request-target that is a path, with
// or without query, in which nothing is encoded, and which begins with just one
// slash. It may deny it to one that is.
func PlainTarget(b []byte, at, end int) (p Path, ok bool) {
	if !inside(b, at, end) || b[at] != '/' {
		return p, false
	}
	t := text{unsafe.Pointer(unsafe.SliceData(b))}
	at++
	first, segment := at, -1
	slashBefore, bad, odd := uint64(0x80), uint64(0), uint64(0)
	for {
		var x uint64
		if n := end - at; n >= 8 {
			x = t.word(at)
		} else if n > 0 {
			x = t.tail(end, n) | '~'*every<<(8*uint(n))
		} else {
			p.End = end
			break
		}
		slashes := (from(x, '/') ^ from(x, '0') | from(x, '\\') ^ from(x, ']')) & tops
		queries := (from(x, '?') ^ from(x, '@')) & tops
		path := queries&-queries - 1 // all bits, or those in front of the "?"
		bad |= x | ^(from(x, '!') ^ from(x, 0x7f)) | (from(x, '%')^from(x, '&'))&path
		odd |= ((from(x, '.')^from(x, '/'))&(slashes<<8|slashBefore) | from(x, ';') ^ from(x, '<')) & path
		slashBefore = slashes >> 56
		if ends := slashes | queries; ends != 0 && segment < 0 {
			segment = at + bits.TrailingZeros64(ends)/8
		}
		if queries != 0 {
			p.End = at + bits.TrailingZeros64(queries)/8
			bad |= t.invisible(at+8, end)
			break
		}
		at += 8
	}
	if segment < 0 {
		segment = p.End
	}
	p.Segment, p.Odd = segment, odd&tops != 0
	return p, bad&tops == 0 && (segment != first || segment == p.End)
}

// invisible has a top bit set if what stands from at to end has control characters, blanks, or
// bytes that are not ASCII.
func (t text) invisible(at, end int) (bad uint64) {
	for ; end-at >= 8; at += 8 {
		x := t.word(at)
		bad |= x | ^(from(x, '!') ^ from(x, 0x7f))
	}
	if n := end - at; n > 0 {
		x := t.tail(end, n) | '~'*every<<(8*uint(n))
		bad |= x | ^(from(x, '!') ^ from(x, 0x7f))
	}
	return bad
}

// PlainSegment reports whether b[at:end] can be one segment of a path, as a
// tenant's identifier must. It may deny it to one that can.
func PlainSegment(b []byte, at, end int) bool {
	if !inside(b, at, end) || b[at] == '.' {
		return false
	}
	t := text{unsafe.Pointer(unsafe.SliceData(b))}
	var bad uint64
	for ; end-at >= 8; at += 8 {
		bad |= splits(t.word(at))
	}
	if n := end - at; n > 0 {
		bad |= splits(t.tail(end, n) | 'x'*every<<(8*uint(n)))
	}
	return bad == 0
}

// splits is zero if no byte of x is a slash of either kind or NUL.
func splits(x uint64) uint64 {
	slash, backslash := x^'/'*every, x^'\\'*every
	return ((x-every)&^x | (slash-every)&^slash | (backslash-every)&^backslash) & tops
}
