package tenancy

// Request is the input of Route. A [Decision] may share its strings, which must
// not change while the decision is used.
type Request struct {
	Method string
	Scheme string // "http" or "https", as the client speaks it to the edge
	// Host as sent, with its port. Values of a repeated Host are joined by "\n".
	Host    string
	HasHost bool
	Target  string // request-target as on the wire
	// Session is the value of the session key as JSON.
	Session    string
	HasSession bool
	// Headers are the values of the headers of [Router.Headers], in that order.
	// Values of a repeated header are joined by "\n".
	Headers []Header
	// Trusted reports that the peer may name the tenant in a header.
	Trusted   bool
	Websocket bool // a websocket handshake
}

// Header is the value of a header that may be absent.
type Header struct {
	Value   string
	Present bool
}

// header returns the value of the i-th header, and whether it was sent.
func (r *Request) header(i int) (string, bool) {
	if i >= len(r.Headers) {
		return "", false
	}
	return r.Headers[i].Value, r.Headers[i].Present
}
