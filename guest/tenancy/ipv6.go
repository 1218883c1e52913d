package tenancy

import (
	"strconv"
	"strings"

	"github.com/tenantedge/tenantedge/guest/internal/lexeme"
)

// ipv6 is an address as groups of 16 bits. Package net/netip would make the guest
// larger by a twentieth; a fuzz target compares the two.
type ipv6 [8]uint16

// parseIPv6 parses an address without a zone.
func parseIPv6(s string) (a ipv6, ok bool) {
	n, gap := 0, -1 // groups read, and how many of them are before the "::"
	if rest, ok := strings.CutPrefix(s, "::"); ok {
		gap, s = 0, rest
	}
	for s != "" {
		group, rest, more := strings.Cut(s, ":")
		if n == len(a) || more && rest == "" {
			return a, false
		}
		if !more && strings.IndexByte(group, '.') >= 0 {
			if n > len(a)-2 || gap < 0 && n < len(a)-2 || !parseIPv4(group, a[n:n+2]) {
				return a, false
			}
			n += 2
			break
		}
		value, ok := lexeme.Uint(group, 16, 0xffff)
		if !ok || len(group) > 4 {
			return a, false
		}
		a[n] = uint16(value)
		n++
		if s = rest; more && s[0] == ':' {
			if gap >= 0 {
				return a, false
			}
			gap, s = n, s[1:]
		}
	}
	if gap < 0 || n == len(a) {
		return a, gap < 0 && n == len(a)
	}
	copy(a[len(a)-n+gap:], a[gap:n])
	clear(a[gap : len(a)-n+gap])
	return a, true
}

// parseIPv4 parses four decimal numbers into two groups.
func parseIPv4(s string, groups []uint16) bool {
	for i := range 4 {
		number, rest, more := strings.Cut(s, ".")
		value, ok := lexeme.Uint(number, 10, 255)
		if !ok || len(number) > 1 && number[0] == '0' || more != (i < 3) {
			return false
		}
		groups[i/2] = groups[i/2]<<8 | uint16(value)
		s = rest
	}
	return true
}

// String returns the shortest spelling, that of RFC 5952.
func (a ipv6) String() string {
	if a[0]|a[1]|a[2]|a[3]|a[4] == 0 && a[5] == 0xffff {
		b := []byte("::ffff")
		for i, group := range [...]uint16{a[6] >> 8, a[6] & 0xff, a[7] >> 8, a[7] & 0xff} {
			b = strconv.AppendUint(append(b, ":..."[i]), uint64(group), 10)
		}
		return string(b)
	}
	from, to := len(a), len(a) // the longest run of zeros, of at least two
	for i := 0; i < len(a); i++ {
		end := i
		for end < len(a) && a[end] == 0 {
			end++
		}
		if end-i > max(1, to-from) {
			from, to = i, end
		}
		i = max(i, end-1)
	}
	var b []byte
	for i := 0; i < len(a); i++ {
		if i == from {
			b = append(b, "::"...)
			i = to
			if i == len(a) {
				break
			}
		} else if i > 0 {
			b = append(b, ':')
		}
		b = strconv.AppendUint(b, uint64(a[i]), 16)
	}
	return string(b)
}
