package fastpath

import (
	"encoding/binary"
	"math/bits"
	"unsafe"
)

// Hosts and request-targets are read eight bytes at a time: in a Wasm guest of
// Go's toolchain a jump costs as much as ten additions. The readers may reject
// input that is valid: package tenancy then decides, and gives the reason.

const (
	every = 0x0101010101010101 // a word with each byte 1
	tops  = 0x80 * every       // the top bit of each byte

	maxHost = 63 // bytes; so no label is longer than DNS allows
)

// from sets the top bit of each byte of x that is at least c. All bytes, and c,
// must be ASCII. from(x, a) ^ from(x, b) has the top bits of the bytes in [a, b).
func from(x uint64, c byte) uint64 { return x + every*uint64(0x80-c) }

// text points to a buffer and reads it without bounds checks, which would make a
// request 10 % slower. The caller checks with inside first.
type text struct{ start unsafe.Pointer }

func (t text) word(at int) uint64 {
	return binary.LittleEndian.Uint64((*[8]byte)(unsafe.Add(t.start, at))[:])
}

// tail returns the last n < 8 bytes before end, low byte first, then zeros. It
// reads the eight bytes before end.
func (t text) tail(end, n int) uint64 { return t.word(end-8) >> (64 - 8*uint(n)) }

// inside reports whether b[at:end] is not empty and can be read through a text.
func inside(b []byte, at, end int) bool { return at >= 0 && at < end && end >= 8 && end <= len(b) }

// Host reports whether b[at:end] is a host name in normal form without a port,
// as tenancy.NormalizeHost returns it, of at most 63 bytes. At least eight bytes
// of b must precede end. The hash is for [Table.Find].
func Host(b []byte, at, end int) (hash uint64, ok bool) {
	if !inside(b, at, end) || end-at > maxHost {
		return 0, false
	}
	t := text{unsafe.Pointer(unsafe.SliceData(b))}
	// The byte before the name counts as a dot, which no hyphen or dot may follow.
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

// CutPort returns the end of the host b[at:end] without its port: a colon and a
// number below 65536 of one to seven digits. At least eight bytes of b must precede
// end.
func CutPort(b []byte, at, end int) int {
	if !inside(b, at, end) {
		return end
	}
	x := text{unsafe.Pointer(unsafe.SliceData(b))}.word(end - 8)
	colons := x ^ ':'*every
	colons = (colons - every) &^ colons & tops // and bytes after a colon that are no digits
	digits := bits.LeadingZeros64(colons) / 8
	// The digits' values are the upper bytes of port, the last one the uppermost.
	port := (x ^ '0'*every) >> (64 - 8*uint(digits)) << (64 - 8*uint(digits))
	name := end - digits - 1
	if digits == 0 || digits == 8 || name < at || (port|(port+every*(0x80-10)))&tops != 0 {
		return end
	}
	port = (port*10 + port>>8) & 0x00ff00ff00ff00ff
	port = (port*100 + port>>16) & 0x0000ffff0000ffff
	if port = port*10_000 + port>>32; uint32(port) > 0xffff {
		return end
	}
	return name
}

// mix adds eight bytes to a hash.
func mix(hash, x uint64) uint64 {
	hash = (hash ^ x) * 0x9e3779b97f4a7c15
	return hash ^ hash>>32
}

// hashHost returns the hash that Host returns.
func hashHost(host string) (hash uint64) {
	for i := 0; i < len(host); i += 8 {
		var x [8]byte
		copy(x[:], host[i:])
		hash = mix(hash, binary.LittleEndian.Uint64(x[:]))
	}
	return hash
}

// Path holds offsets into the buffer that [Target] has read.
type Path struct {
	Segment int  // end of the path's first segment
	End     int  // end of the path, where the query begins
	Odd     bool // a segment begins with a dot, or there is a semicolon or a percent sign: see [Decode]
}

// Target reports whether b[at:end] is a request-target that is a path with or
// without a query and begins with exactly one slash. At least eight bytes of b must
// precede end.
func Target(b []byte, at, end int) (p Path, ok bool) {
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
		path := queries&-queries - 1 // all bits, or those before the "?"
		bad |= x | ^(from(x, '!') ^ from(x, 0x7f))
		odd |= ((from(x, '.')^from(x, '/'))&(slashes<<8|slashBefore) | (from(x, ';') ^ from(x, '<')) | (from(x, '%') ^ from(x, '&'))) & path
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

// invisible sets a top bit if the bytes from at to end have a control character,
// a space, or a byte that is not ASCII.
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

// Segment reports whether b[at:end] can be one segment of a path, as a tenant's
// identifier must. It rejects segments that begin with a dot. At least eight
// bytes of b must precede end.
func Segment(b []byte, at, end int) bool {
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

// splits returns zero if no byte of x is a slash, a backslash or NUL.
func splits(x uint64) uint64 {
	slash, backslash := x^'/'*every, x^'\\'*every
	return ((x-every)&^x | (slash-every)&^slash | (backslash-every)&^backslash) & tops
}
