package trust

import (
	"net/http"
	"strconv"
	"strings"

	"golang.org/x/net/http/httpguts"
)

// Rejection is why a request is not routed.
type Rejection struct {
	Status int // 400: malformed; 421: it names two hosts
	Reason string
}

// Request is what the rules read of an incoming request.
type Request struct {
	Method                 string
	Host                   string
	Target                 string      // path and query as sent
	Path                   string      // decoded path of Target; may be empty
	Header                 http.Header // with canonical names
	RemoteAddr             string      // IP:port of the socket peer
	Trusted                bool        // the forwarding headers of the peer are
	ProtoMajor, ProtoMinor int         // version of HTTP
	ContentLength          int64       // length of the body as the server reads it; negative: unknown
	TLS                    bool
	ServerName             string // in the TLS handshake; empty: none
	// Synthetic says that no server received the request, so that no server
	// replaced its Host by the authority of an absolute target.
	Synthetic bool

	normalized bool // Host or Header was changed
}

// RequestOf returns what the rules read of a net/http request.
func RequestOf(r *http.Request) Request {
	q := Request{
		Method: r.Method, Host: r.Host, Target: r.RequestURI, Header: r.Header, RemoteAddr: r.RemoteAddr,
		ProtoMajor: r.ProtoMajor, ProtoMinor: r.ProtoMinor, ContentLength: r.ContentLength, TLS: r.TLS != nil,
		Synthetic: r.Context().Value(http.ServerContextKey) == nil,
	}
	if q.Target == "" { // http.NewRequest does not set it
		q.Target = r.URL.RequestURI()
	}
	if r.URL != nil {
		q.Path = r.URL.Path
	}
	if r.TLS != nil {
		q.ServerName = r.TLS.ServerName
	}
	return q
}

// Apply returns r with the Host and the headers that [Rules.Normalize] has set: r
// itself if it changed nothing.
func (q *Request) Apply(r *http.Request) *http.Request {
	if !q.normalized {
		return r
	}
	out := r.WithContext(r.Context())
	out.Host, out.Header = q.Host, q.Header
	return out
}

// Normalize removes ambiguities that the edge and an application could resolve
// differently: several Cookie lines become one (RFC 9113, 8.2.3), without those of the
// console, and with RouteForwardedHost, the X-Forwarded-Host of a trusted peer becomes the Host. It
// changes a copy of the headers. It rejects malformed requests, a trusted peer's
// X-Forwarded-Host unless it is a single value that names the Host, and under
// hardened rules, an ambiguous Host.
func (r *Rules) Normalize(q *Request) *Rejection {
	if reason := malformed(q); reason != "" {
		return &Rejection{http.StatusBadRequest, reason}
	}
	host := q.Host
	if forwarded := q.Header["X-Forwarded-Host"]; len(forwarded) > 0 && q.Trusted {
		switch {
		case len(forwarded) == 1 && sameHost(forwarded[0], q.Host):
		case len(forwarded) == 1 && r.config.RouteForwardedHost && !strings.ContainsAny(forwarded[0], ", \t"):
			host = forwarded[0]
		default:
			return &Rejection{http.StatusMisdirectedRequest, "the X-Forwarded-Host of a trusted peer differs from the Host"}
		}
	}
	if cookies := q.Header["Cookie"]; len(cookies) > 1 || hasConsoleCookie(cookies) {
		q.Header = q.Header.Clone()
		q.normalized = true
		if joined := withoutConsoleCookies(strings.Join(cookies, "; ")); joined != "" {
			q.Header["Cookie"] = []string{joined}
		} else {
			delete(q.Header, "Cookie")
		}
	}
	if host != q.Host {
		q.Host, q.normalized = host, true
	}
	if r.config.Hardened {
		return checkHost(q)
	}
	return nil
}

// malformed returns why HTTP/1.1 cannot carry a request with the same meaning, or
// an empty string. In HTTP/2, method and path are field values:
// net/http accepts blanks in them, which would change the request line, and
// lengths that are not those of the body.
func malformed(q *Request) string {
	switch {
	case q.Method == http.MethodConnect:
		return "expected a request to this server, found CONNECT"
	case q.Method != "" && !httpguts.ValidHeaderFieldName(q.Method):
		return "the method is not a token"
	case strings.ContainsFunc(q.Target, func(c rune) bool { return c <= ' ' || c == 0x7f }):
		return "the target has spaces or control characters"
	case q.ProtoMajor > 1 && !sameLength(q):
		return "the Content-Length differs from the length of the body"
	}
	return ""
}

// sameLength reports whether an HTTP/2 request has no Content-Length, or a single
// one that is the length of the body, as far as that is known. Of several fields
// net/http uses the first, and zero for an invalid one.
func sameLength(q *Request) bool {
	lengths := q.Header["Content-Length"]
	if len(lengths) == 0 {
		return true
	}
	n, err := strconv.ParseUint(lengths[0], 10, 63)
	return len(lengths) == 1 && err == nil && (q.ContentLength < 0 || int64(n) == q.ContentLength)
}
