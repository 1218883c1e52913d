package tenancy

// Request is what a decision rests on. Its strings are only read, and a
// [Decision] may share them: they must stay as they are while it is used.
type Request struct {
	Method string
	Scheme string // "http" or "https", as the client speaks it
	// Host as sent, with its port; values of a repeated Host are joined by "\n".
	Host    string
	HasHost bool
	Target  string // request-target as on the wire
	// Session is the JSON of the value under the session key.
	Session    string
	HasSession bool
	// Headers are the values of the headers that [Router.Headers] asks for, in
	// that order; values of a repeated header are joined by "\n".
	Headers []Header
	// Trusted says that the tenant header may be believed.
	Trusted   bool
	Websocket bool // a websocket handshake
}

// Header is the value of a header that may be absent.
type Header struct {
	Value   string
	Present bool
}

// header returns the value of the i-th header that the router asked for.
func (r *Request) header(i int) (string, bool) {
	if i >= len(r.Headers) {
		return "", false
	}
	return r.Headers[i].Value, r.Headers[i].Present
}
