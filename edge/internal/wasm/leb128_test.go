package wasm

import (
	"bytes"
	"math"
	"testing"
)

func TestIntegersReadBackAsTheyWereWritten(t *testing.T) {
	for _, v := range []int64{0, 1, -1, 63, 64, -64, -65, 127, 128, 8191, 8192, math.MaxInt32, math.MinInt32, math.MaxInt64, math.MinInt64} {
		r := reader{b: AppendS64(nil, v)}
		if got := r.signed(64); got != v || r.err != nil || r.left() != 0 {
			t.Errorf("%d reads %d, %v", v, got, r.err)
		}
		if v == int64(int32(v)) {
			r := reader{b: AppendS32(nil, int32(v))}
			if got := r.signed(32); got != v || r.err != nil || r.left() != 0 {
				t.Errorf("%d reads %d, %v", v, got, r.err)
			}
		}
		r = reader{b: AppendU32(nil, uint32(v))}
		if got := r.u32(); got != uint32(v) || r.err != nil || r.left() != 0 {
			t.Errorf("%d reads %d, %v", uint32(v), got, r.err)
		}
	}
}

func TestIntegersOfOddLength(t *testing.T) {
	for _, test := range []struct {
		name string
		b    []byte
		bits int // 0: unsigned of 32
		want int64
		ok   bool
	}{
		{"zero in five bytes", []byte{0x80, 0x80, 0x80, 0x80, 0}, 0, 0, true},
		{"six bytes", []byte{0x80, 0x80, 0x80, 0x80, 0x80, 0}, 0, 0, false},
		{"bit 32 set", []byte{0xff, 0xff, 0xff, 0xff, 0x1f}, 0, 0, false},
		{"largest", []byte{0xff, 0xff, 0xff, 0xff, 0x0f}, 0, math.MaxUint32, true},
		{"truncated", []byte{0x80}, 0, 0, false},
		{"-1 in five bytes", []byte{0xff, 0xff, 0xff, 0xff, 0x7f}, 32, -1, true},
		{"sign and last bits differ", []byte{0xff, 0xff, 0xff, 0xff, 0x4f}, 32, 0, false},
		{"positive with a bit too many", []byte{0x80, 0x80, 0x80, 0x80, 0x10}, 32, 0, false},
		{"-1 in ten bytes", []byte{0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x7f}, 64, -1, true},
		{"eleven bytes", []byte{0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x7f}, 64, 0, false},
		{"2^32-1 in 33 bits", []byte{0xff, 0xff, 0xff, 0xff, 0x0f}, 33, math.MaxUint32, true},
		{"2^32 in 33 bits", []byte{0x80, 0x80, 0x80, 0x80, 0x10}, 33, 0, false},
	} {
		t.Run(test.name, func(t *testing.T) {
			r := reader{b: test.b}
			var got int64
			if test.bits == 0 {
				got = int64(r.u32())
			} else {
				got = r.signed(test.bits)
			}
			if (r.err == nil) != test.ok || test.ok && got != test.want {
				t.Errorf("got %d, %v", got, r.err)
			}
		})
	}
}

func TestShortestFormIsWritten(t *testing.T) {
	for _, test := range []struct {
		v    int64
		want []byte
	}{{0, []byte{0}}, {63, []byte{63}}, {64, []byte{0xc0, 0}}, {-64, []byte{0x40}}, {-65, []byte{0xbf, 0x7f}}} {
		if got := AppendS64(nil, test.v); !bytes.Equal(got, test.want) {
			t.Errorf("%d is written % x, want % x", test.v, got, test.want)
		}
	}
}
