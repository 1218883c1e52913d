package lexeme_test

import (
	"math"
	"strconv"
	"testing"
	"unicode"
	"unicode/utf8"

	"github.com/tenantedge/tenantedge/guest/internal/lexeme"
)

func FuzzUint(f *testing.F) {
	for _, s := range []string{"", "0", "007", "65535", "65536", "ffff", "9223372036854775807", "9223372036854775808", "18446744073709551616", "+1", "-1", "1_0", "g"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		for base, bits := range map[int]int{8: 32, 10: 16, 16: 32} {
			want, err := strconv.ParseUint(s, base, bits)
			if got, ok := lexeme.Uint(s, uint64(base), 1<<bits-1); ok != (err == nil) || ok && got != want {
				t.Errorf("%q in base %d: found %d, %v, want %d, %v", s, base, got, ok, want, err)
			}
		}
		want, err := strconv.ParseInt(s, 10, 64)
		if got, ok := lexeme.Uint(s, 10, math.MaxInt64); ok != (err == nil && s[0] != '-' && s[0] != '+') || ok && got != uint64(want) {
			t.Errorf("%q: found %d, %v, want %d, %v", s, got, ok, want, err)
		}
	})
}

func TestHexIsTheValueOfOneDigit(t *testing.T) {
	for c := range 256 {
		want, err := strconv.ParseUint(string([]byte{byte(c)}), 16, 8)
		if got := lexeme.Hex(byte(c)); got != int(want) && err == nil || err != nil && got != -1 {
			t.Errorf("%q: found %d, want %d, %v", byte(c), got, want, err)
		}
	}
}

func FuzzQuote(f *testing.F) {
	for _, s := range []string{"", `a"b\c`, "é日\n", "\x00\x1f\x7f\xff", "\u200b"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		quoted := lexeme.Quote(s)
		if got, err := strconv.Unquote(quoted); err != nil || got != s {
			t.Errorf("%q is quoted as %s: unquoted it is %q, %v", s, quoted, got, err)
		}
		for _, r := range quoted {
			if unicode.IsControl(r) && r < utf8.RuneSelf {
				t.Errorf("%q is quoted as %q, with a control character", s, quoted)
			}
		}
	})
}
