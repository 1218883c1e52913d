package tenancy

// Characters that are not escaped, besides letters, digits and "_.-~".
const (
	safeIRI  = "/#%[]=:;$&()+,!?*@'~" // Django's iri_to_uri
	safeFile = "/~!*()'"              // Django's filepath_to_uri
	// safeRaw is for a path and query as sent, which are encoded already: the
	// characters that RFC 3986 allows in them, and "%".
	safeRaw = "/%:@!$&'()*+,;=?"
)

var (
	iriSafe  = safeSet(safeIRI)
	fileSafe = safeSet(safeFile)
	rawSafe  = safeSet(safeRaw)
)

type byteSet [256]bool

func safeSet(more string) (s byteSet) {
	for c := range 256 {
		s[c] = 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || '0' <= c && c <= '9'
	}
	for _, c := range []byte("_.-~" + more) {
		s[c] = true
	}
	return s
}

// appendEscaped appends s, percent-encoding every byte that is not safe.
func appendEscaped(b []byte, s string, safe *byteSet) []byte {
	for i := range len(s) {
		if safe[s[i]] {
			b = append(b, s[i])
		} else {
			b = appendPercent(b, s[i])
		}
	}
	return b
}

func appendPercent(b []byte, c byte) []byte {
	const digits = "0123456789ABCDEF"
	return append(b, '%', digits[c>>4], digits[c&15])
}
