package tenancy

// Which characters stay as they are, beside letters, digits and "_.-~".
const (
	safeIRI  = "/#%[]=:;$&()+,!?*@'~" // Django's iri_to_uri
	safeFile = "/~!*()'"              // Django's filepath_to_uri
	// safeSent is for what came over the wire encoded already: it keeps all that
	// may stand in a path and a query (RFC 3986), and "%".
	safeSent = "/%:@!$&'()*+,;=?"
)

var (
	iriSafe  = safeSet(safeIRI)
	fileSafe = safeSet(safeFile)
	sentSafe = safeSet(safeSent)
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
