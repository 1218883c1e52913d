package tenancy

import (
	"errors"
	"strings"

	"golang.org/x/net/idna"

	"github.com/tenantedge/tenantedge/guest/internal/lexeme"
)

const (
	maxHost  = 253
	maxLabel = 63
)

var (
	errHostEmpty = errors.New("host name is empty")
	errHostLong  = errors.New("host name is longer than 253 characters")
	errHostLabel = errors.New("host name has a label that is empty, longer than 63 characters, or begins or ends with a hyphen")
	errHostChar  = errors.New("host name has a character other than letters, digits, hyphen, underscore and dot")
	errHostIPv6  = errors.New("host name in brackets is not an IPv6 address")
	errHostIDNA  = errors.New("host name has no ASCII form (IDNA)")
	errHostPort  = errors.New("host has an invalid port: expected a number below 65536")
)

// NormalizeHost returns the form in which host names are compared: in lower case
// and ASCII (IDNA), without one trailing dot, an IPv6 address in brackets in its
// shortest spelling. Domain rows and configured domains must be in this form too.
//
// It returns an error for anything but a host name, such as one with a port. It
// accepts underscores, which RFC 1123 does not: DNS and browsers do, tenants use
// them, and no server reads them differently. (Django and the strict rules answer
// 400.)
func NormalizeHost(host string) (string, error) {
	var d Decision
	normal, err := d.normalizeHost(host)
	if err != nil {
		return "", errors.New(err.Error() + ": " + quoteStart(host))
	}
	return strings.Clone(normal), nil
}

// quoteStart quotes the first 80 characters of s.
func quoteStart(s string) string {
	n := 0
	for i := range s {
		if n++; n > 80 {
			return lexeme.Quote(s[:i])
		}
	}
	return lexeme.Quote(s)
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

// hostKind is the kind of a character in a host name in lower case.
type hostKind uint8

const (
	hostOther  hostKind = iota // left to normalizeHost
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

// isNormalHost reports whether a Host, like nearly all, is in normal form and has
// no port. It returns false for names of more than 63 bytes.
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

// toASCII maps names as browsers do (UTS 46, non-transitional).
var toASCII = idna.New(idna.MapForLookup(), idna.Transitional(false), idna.StrictDomainName(false), idna.BidiRule())

// checkHost checks a host name in lower case.
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
	addr, ok := parseIPv6(inner)
	if !ok {
		return "", errHostIPv6
	}
	return "[" + addr.String() + "]", nil
}

// cutPort splits a Host into name and port. A colon without a port is an error.
func cutPort(host string) (name, port string, err error) {
	at := strings.LastIndexByte(host, ':')
	if at < 0 || strings.IndexByte(host[at:], ']') >= 0 {
		return host, "", nil
	}
	port = host[at+1:]
	if _, ok := lexeme.Uint(port, 10, 0xffff); !ok {
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

// withoutWWW removes one leading "www.", as the reference does.
func withoutWWW(host string) string { return strings.TrimPrefix(host, "www.") }
