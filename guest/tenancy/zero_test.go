package tenancy

import (
	"strconv"
	"strings"
	"testing"
)

// FuzzIsZero compares isZero with ParseFloat, except for numbers that are zero only
// when rounded.
func FuzzIsZero(f *testing.F) {
	for _, s := range []string{"0", "-0", "0.0", "00", "0.", "-.0", "0e5", "0E+5", "0e-5", "0e", "0e+", "0e+-1", "0e1e1", "0.0.0", "-", "--0", "1", "10", "0.1", "."} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		if s == "" || s[0] != '-' && !isDigit(s[0]) || strings.Trim(s, "0123456789.eE+-") != "" {
			return
		}
		mantissa, _, _ := strings.Cut(strings.ToLower(s), "e")
		n, err := strconv.ParseFloat(s, 64)
		if want := err == nil && n == 0 && !strings.ContainsAny(mantissa, "123456789"); isZero(s) != want && !strings.HasPrefix(s, "-+") {
			t.Errorf("%q: isZero is %v, want %v", s, isZero(s), want)
		}
	})
}
