package tenancy

import (
	"errors"
	"fmt"
	"net/netip"
	"strconv"
	"strings"

	"golang.org/x/net/idna"
)

const (
	maxHost  = 253
	maxLabel = 63
)

var (
	errHostEmpty = errors.New("host name is empty")
	errHostLong  = errors.New("host name is longer than 253 characters")
	errHostLabel = errors.New("host name has a label that is empty, longer than 63 characters, or has a hyphen at its end")
	errHostChar  = errors.New("host name has a character other than letters, digits, hyphen, underscore and dot")
	errHostIPv6  = errors.New("host name in brackets is no IPv6 address")
	errHostIDNA  = errors.New("host name has no ASCII form (IDNA)")
	errHostPort  = errors.New("host has a port that is no number below 65536")
)

// NormalizeHost returns the form in which host names are compared: lower
// case, in ASCII (IDNA), without the one trailing dot that it may have, and an
// IPv6 address in brackets and in its shortest spelling. Compare domain rows
// and configured domains in this form too.
//
// It refuses what is no host name, such as one with a port. Underscores pass:
// they are no letters of a host name to RFC 1123, but DNS and browsers know
// them, tenants have them, and they are harmless wherever a host is written.
// (Django itself answers 400 to them, and so do the strict rules.)
func NormalizeHost(host string) (string, error) {
	var d Decision
	normal, err := d.normalizeHost(host)
	if err != nil {
		return "", fmt.Errorf("%w: %.80q", err, host)
	}
	return strings.Clone(normal), nil
}

// normalizeHost allocates nothing for ASCII names.
func (d *Decision) normalizeHost(host string) (string, error) {
	if strings.HasPrefix(host, "[") {
		return normalizeIPv6(host)
	}
	host, lower, ascii := strings.TrimSuffix(host, "."), true, true
	for i := range len(host) {
		c := host[i]
		lower = lower && (c < 'A' || c > 'Z')
		ascii = ascii && c < 0x80
	}
	if !ascii {
		mapped, err := toASCII.ToASCII(host)
		if err != nil {
			return "", errHostIDNA
		}
		host = strings.TrimSuffix(mapped, ".")
	} else if !lower {
		start := len(d.scratch)
		for i := range len(host) {
			d.scratch = append(d.scratch, lowerByte(host[i]))
		}
		host = d.text(start)
	}
	return host, checkHost(host)
}

// hostKind says what a character may do in a host name in lower case.
type hostKind uint8

const (
	hostOther  hostKind = iota // nothing: go the long way
	hostLetter                 // a letter, digit or underscore
	hostHyphen
	hostDot
)

var hostKinds = func() (kinds [256]hostKind) {
	for c := range kinds {
		if 'a' <= c && c <= 'z' || '0' <= c && c <= '9' || c == '_' {
			kinds[c] = hostLetter
		}
	}
	kinds['-'], kinds['.'] = hostHyphen, hostDot
	return kinds
}()

// isNormalHost reports whether a Host is a name in normal form already, without
// port, as nearly all are. It may deny it to a longer one that is.
func isNormalHost(host string) bool {
	before := hostDot
	if len(host) > maxLabel {
		return false
	}
	for i := range len(host) {
		kind := hostKinds[host[i]]
		if kind == hostOther || kind != hostLetter && before != hostLetter && (kind == hostDot || before == hostDot) {
			return false
		}
		before = kind
	}
	return before == hostLetter
}

// toASCII maps as browsers do (UTS 46, not transitional).
var toASCII = idna.New(idna.MapForLookup(), idna.Transitional(false), idna.StrictDomainName(false), idna.BidiRule())

// checkHost wants a host name in lower case.
func checkHost(host string) error {
	if host == "" {
		return errHostEmpty
	}
	if len(host) > maxHost {
		return errHostLong
	}
	label := 0 // length so far
	for i := range len(host) {
		switch c := host[i]; {
		case 'a' <= c && c <= 'z', '0' <= c && c <= '9', c == '_':
			label++
		case c == '-':
			if label == 0 || i+1 == len(host) || host[i+1] == '.' {
				return errHostLabel
			}
			label++
		case c == '.':
			if label == 0 {
				return errHostLabel
			}
			label = 0
		default:
			return errHostChar
		}
		if label > maxLabel {
			return errHostLabel
		}
	}
	if label == 0 {
		return errHostLabel
	}
	return nil
}

func normalizeIPv6(host string) (string, error) {
	inner, ok := strings.CutSuffix(host[1:], "]")
	if !ok {
		return "", errHostIPv6
	}
	addr, err := netip.ParseAddr(inner)
	if err != nil || !addr.Is6() || addr.Zone() != "" {
		return "", errHostIPv6
	}
	return "[" + addr.String() + "]", nil
}

// cutPort takes the port off a Host. An empty port is none that a client
// sends, so it is refused.
func cutPort(host string) (name, port string, err error) {
	at := strings.LastIndexByte(host, ':')
	if at < 0 || strings.IndexByte(host[at:], ']') >= 0 {
		return host, "", nil
	}
	port = host[at+1:]
	if _, err := strconv.ParseUint(port, 10, 16); err != nil || port[0] == '+' {
		return "", "", errHostPort
	}
	return host[:at], port, nil
}

func lowerByte(c byte) byte {
	if 'A' <= c && c <= 'Z' {
		return c + 'a' - 'A'
	}
	return c
}

// withoutWWW drops one leading "www.", as the reference does.
func withoutWWW(host string) string { return strings.TrimPrefix(host, "www.") }
