package guest

import (
	"encoding/binary"
	"math"
)

// The part of MessagePack that channels_redis writes
// (https://github.com/msgpack/msgpack/blob/master/spec.md). A general library
// would be larger than a guest.

const (
	packNil     = 0xc0
	packFalse   = 0xc2
	packTrue    = 0xc3
	packBin8    = 0xc4
	packBin32   = 0xc6
	packFloat32 = 0xca
	packFloat64 = 0xcb
	packUint8   = 0xcc
	packUint64  = 0xcf
	packInt8    = 0xd0
	packInt64   = 0xd3
	packStr8    = 0xd9
	packStr16   = 0xda
	packStr32   = 0xdb
	packArray16 = 0xdc
	packArray32 = 0xdd
	packMap16   = 0xde
	packMap32   = 0xdf

	// maxPackedDepth is the maximum nesting of lists and maps, as in the host.
	maxPackedDepth = 100
)

// packUint appends the low bytes of v in big-endian order.
func packUint(b []byte, v uint64, bytes int) []byte {
	for at := 8 * (bytes - 1); at >= 0; at -= 8 {
		b = append(b, byte(v>>at))
	}
	return b
}

func packText(b []byte, s string) []byte {
	switch n := len(s); {
	case n < 32:
		b = append(b, 0xa0|byte(n))
	case n < 1<<8:
		b = append(b, packStr8, byte(n))
	case n < 1<<16:
		b = packUint(append(b, packStr16), uint64(n), 2)
	default:
		b = packUint(append(b, packStr32), uint64(n), 4)
	}
	return append(b, s...)
}

func packBytes(b, value []byte) []byte {
	switch n := len(value); {
	case n < 1<<8:
		b = append(b, packBin8, byte(n))
	case n < 1<<16:
		b = packUint(append(b, packBin8+1), uint64(n), 2)
	default:
		b = packUint(append(b, packBin32), uint64(n), 4)
	}
	return append(b, value...)
}

func packInt(b []byte, v int64) []byte {
	if v >= -32 && v < 128 {
		return append(b, byte(v))
	}
	return packUint(append(b, packInt64), uint64(v), 8)
}

func packMap(b []byte, n int) []byte {
	if n < 16 {
		return append(b, 0x80|byte(n))
	}
	return packUint(append(b, packMap32), uint64(n), 4)
}

// takeUint reads a big-endian number of 1, 2, 4 or 8 bytes.
func takeUint(b []byte, bytes int) (v uint64, rest []byte, ok bool) {
	if len(b) < bytes {
		return 0, nil, false
	}
	for _, c := range b[:bytes] {
		v = v<<8 | uint64(c)
	}
	return v, b[bytes:], true
}

// takeLength reads a header: a byte for the type, then a length.
func takeLength(b []byte, bytes int) (n int, rest []byte, ok bool) {
	v, rest, ok := takeUint(b[1:], bytes)
	return int(v), rest, ok
}

// takeText reads a text at the start of b. It finds none if ok is false.
func takeText(b []byte, ok bool) (s string, rest []byte, found bool) {
	if !ok || len(b) == 0 {
		return "", nil, false
	}
	var n int
	switch c := b[0]; {
	case c >= 0xa0 && c < 0xc0:
		n, rest = int(c&31), b[1:]
	case c >= packStr8 && c <= packStr32:
		n, rest, ok = takeLength(b, 1<<(c-packStr8))
	default:
		return "", nil, false
	}
	if !ok || n > len(rest) {
		return "", nil, false
	}
	return text(rest[:n]), rest[n:], true
}

func takeBytes(b []byte, ok bool) ([]byte, bool) {
	if !ok || len(b) == 0 || b[0] < packBin8 || b[0] > packBin32 {
		return nil, false
	}
	n, rest, ok := takeLength(b, 1<<(b[0]-packBin8))
	if !ok || n != len(rest) {
		return nil, false
	}
	return rest, true
}

func takeInt(b []byte, ok bool) (int64, bool) {
	if !ok || len(b) == 0 {
		return 0, false
	}
	switch c := b[0]; {
	case c < 0x80 || c >= 0xe0:
		return int64(int8(c)), true
	case c >= packUint8 && c <= packUint64:
		v, _, ok := takeUint(b[1:], 1<<(c-packUint8))
		return int64(v), ok && v <= math.MaxInt64
	case c >= packInt8 && c <= packInt64:
		bytes := 1 << (c - packInt8)
		v, _, ok := takeUint(b[1:], bytes)
		shift := 64 - 8*bytes
		return int64(v<<shift) >> shift, ok
	}
	return 0, false
}

func takeFloat(b []byte, ok bool) (float64, bool) {
	switch {
	case ok && len(b) == 5 && b[0] == packFloat32:
		return float64(math.Float32frombits(binary.BigEndian.Uint32(b[1:]))), true
	case ok && len(b) == 9 && b[0] == packFloat64:
		return math.Float64frombits(binary.BigEndian.Uint64(b[1:])), true
	}
	return 0, false
}

func takeMap(b []byte) (n int, entries []byte, ok bool) {
	if len(b) == 0 {
		return 0, nil, false
	}
	switch c := b[0]; {
	case c >= 0x80 && c < 0x90:
		return int(c & 15), b[1:], true
	case c == packMap16 || c == packMap32:
		return takeLength(b, 2<<(c-packMap16))
	}
	return 0, nil, false
}

// skipEntries skips the entries of a map.
func skipEntries(b []byte, n, depth int) (rest []byte, ok bool) {
	rest = b
	for range n {
		if _, rest, ok = takeText(rest, true); !ok {
			return nil, false
		}
		if rest, ok = skipPacked(rest, depth+1); !ok {
			return nil, false
		}
	}
	return rest, true
}

// skipPacked skips a value.
func skipPacked(b []byte, depth int) (rest []byte, ok bool) {
	if len(b) == 0 || depth > maxPackedDepth {
		return nil, false
	}
	n := 0 // bytes of the value
	switch c := b[0]; {
	case c < 0x80, c >= 0xe0, c == packNil, c == packFalse, c == packTrue:
		return b[1:], true
	case c >= 0x80 && c < 0x90, c == packMap16, c == packMap32:
		entries, inner, ok := takeMap(b)
		if !ok {
			return nil, false
		}
		return skipEntries(inner, entries, depth)
	case c < 0xa0:
		return skipValues(b[1:], int(c&15), depth)
	case c == packArray16 || c == packArray32:
		values, inner, ok := takeLength(b, 2<<(c-packArray16))
		if !ok {
			return nil, false
		}
		return skipValues(inner, values, depth)
	case c < 0xc0, c >= packStr8 && c <= packStr32:
		_, rest, ok = takeText(b, true)
		return rest, ok
	case c >= packBin8 && c <= packBin32:
		if n, rest, ok = takeLength(b, 1<<(c-packBin8)); !ok {
			return nil, false
		}
		b = rest
	case c == packFloat32, c == packFloat64:
		n = 1 + 4<<(c-packFloat32)
	case c >= packUint8 && c <= packUint64:
		n = 1 + 1<<(c-packUint8)
	case c >= packInt8 && c <= packInt64:
		n = 1 + 1<<(c-packInt8)
	default:
		return nil, false
	}
	if n > len(b) {
		return nil, false
	}
	return b[n:], true
}

// skipValues skips the values of a list.
func skipValues(b []byte, n, depth int) (rest []byte, ok bool) {
	rest = b
	for range n {
		if rest, ok = skipPacked(rest, depth+1); !ok {
			return nil, false
		}
	}
	return rest, true
}
