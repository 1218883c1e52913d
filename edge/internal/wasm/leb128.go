package wasm

// AppendU32 appends v in the shortest LEB128 form.
func AppendU32(dst []byte, v uint32) []byte {
	for v >= 0x80 {
		dst = append(dst, byte(v)|0x80)
		v >>= 7
	}
	return append(dst, byte(v))
}

// AppendS32 appends v in the shortest signed LEB128 form.
func AppendS32(dst []byte, v int32) []byte { return AppendS64(dst, int64(v)) }

// AppendS64 appends v in the shortest signed LEB128 form.
func AppendS64(dst []byte, v int64) []byte {
	for {
		low := byte(v & 0x7f)
		v >>= 7
		if v == 0 && low&0x40 == 0 || v == -1 && low&0x40 != 0 {
			return append(dst, low)
		}
		dst = append(dst, low|0x80)
	}
}

// u32 reads an unsigned 32-bit integer. Longer forms than necessary are valid up to
// five bytes, if the value has at most 32 bits.
func (r *reader) u32() uint32 {
	if r.at < len(r.b) && r.b[r.at] < 0x80 && r.err == nil { // nearly always
		r.at++
		return uint32(r.b[r.at-1])
	}
	start := r.at
	var v uint32
	for shift := 0; shift < 35; shift += 7 {
		c := r.byte()
		if shift == 28 && c > 0x0f {
			break
		}
		v |= uint32(c&0x7f) << shift
		if c < 0x80 {
			return v
		}
	}
	r.malformedf(start, "an unsigned 32-bit LEB128 integer", "more than 5 bytes or 32 bits")
	return 0
}

// signed reads a signed integer of 32, 33 or 64 bits.
func (r *reader) signed(bits int) int64 {
	start := r.at
	var v int64
	for shift := 0; shift < bits; shift += 7 {
		c := r.byte()
		v |= int64(c&0x7f) << shift
		if left := bits - shift; left < 7 {
			// In the last byte the bits above the sign bit must repeat it.
			if high := int8(c<<1) >> left; c >= 0x80 || high != 0 && high != -1 {
				break
			}
		}
		if c < 0x80 {
			if drop := 64 - shift - 7; drop > 0 {
				v = v << drop >> drop
			}
			return v
		}
	}
	r.malformedf(start, "a signed LEB128 integer", "more bits than its type has")
	return 0
}
