package tenancy

import (
	"net/netip"
	"testing"
)

func FuzzIPv6(f *testing.F) {
	for _, s := range []string{
		"::", "::1", "1::", "2001:db8::1", "2001:DB8:0:0:1:0:0:1", "1:2:3:4:5:6:7:8", "1:2:3:4:5:6:7::", "::2:3:4:5:6:7:8", "1:0:3::",
		"::ffff:1.2.3.4", "::1.2.3.4", "1:2:3:4:5:6:1.2.3.4", "1:2:3:4:5:6:7:1.2.3.4", "::01.2.3.4", "::1.2.3", "::256.1.1.1", "1.2.3.4", "::1%eth0",
		"", ":", ":::", "1:", "::1:", "1::2::3", "12345::", "::g", "::+1", "1:2:3:4:5:6:7:8::", "0:0:1:0:0:0:1:0",
	} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		got, ok := parseIPv6(s)
		want, err := netip.ParseAddr(s)
		if valid := err == nil && want.Is6() && want.Zone() == ""; ok != valid || ok && got.String() != want.String() {
			t.Errorf("%q: found %v, %v, want %v, %v", s, got, ok, want, err)
		}
	})
}
