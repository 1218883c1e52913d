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

// Normalize returns q without ambiguities that the edge and an application could
// resolve differently: several Cookie lines become one (RFC 9113, 8.2.3), and with
// RouteForwardedHost, the X-Forwarded-Host of a trusted peer becomes the Host. It
// returns q itself if nothing changes. It rejects malformed requests, and a trusted
// peer's X-Forwarded-Host unless it is a single value that names the Host.
func (r *Rules) Normalize(q *http.Request) (*http.Request, *Rejection) {
	if reason := malformed(q); reason != "" {
		return q, &Rejection{http.StatusBadRequest, reason}
	}
	host := q.Host
	if forwarded := q.Header["X-Forwarded-Host"]; len(forwarded) > 0 && r.Peer(q) {
		switch {
		case len(forwarded) == 1 && sameHost(forwarded[0], q.Host):
		case len(forwarded) == 1 && r.config.RouteForwardedHost && !strings.ContainsAny(forwarded[0], ", \t"):
			host = forwarded[0]
		default:
			return q, &Rejection{http.StatusMisdirectedRequest, "the X-Forwarded-Host of a trusted peer differs from the Host"}
		}
	}
	if len(q.Header["Cookie"]) < 2 && host == q.Host {
		return q, nil
	}
	out := q.WithContext(q.Context())
	out.Header = q.Header.Clone()
	if cookies := out.Header["Cookie"]; len(cookies) > 1 {
		out.Header["Cookie"] = []string{strings.Join(cookies, "; ")}
	}
	out.Host = host
	return out, nil
}

// malformed returns why HTTP/1.1 cannot carry a request with the same meaning, or
// an empty string. In HTTP/2, method and path are field values:
// net/http accepts blanks in them, which would change the request line, and
// lengths that are not those of the body.
func malformed(r *http.Request) string {
	switch {
	case r.Method == http.MethodConnect:
		return "expected a request to this server, found CONNECT"
	case r.Method != "" && !httpguts.ValidHeaderFieldName(r.Method):
		return "the method is not a token"
	case strings.ContainsFunc(r.RequestURI, func(c rune) bool { return c <= ' ' || c == 0x7f }):
		return "the target has spaces or control characters"
	case r.ProtoMajor > 1 && !sameLength(r):
		return "the Content-Length differs from the length of the body"
	}
	return ""
}

// sameLength reports whether an HTTP/2 request has no Content-Length, or a single
// one that is the length net/http uses. net/http uses the first of several fields,
// and zero for an invalid one.
func sameLength(r *http.Request) bool {
	lengths := r.Header["Content-Length"]
	if len(lengths) == 0 {
		return true
	}
	n, err := strconv.ParseUint(lengths[0], 10, 63)
	return len(lengths) == 1 && err == nil && int64(n) == r.ContentLength
}

// sameHost reports whether two Hosts name the same host, ports aside.
func sameHost(a, b string) bool {
	return strings.EqualFold(strings.TrimSuffix(Hostname(a), "."), strings.TrimSuffix(Hostname(b), "."))
}

// Hostname returns a Host without its port.
func Hostname(host string) string {
	if i := strings.LastIndexByte(host, ':'); i >= 0 && strings.IndexByte(host[i:], ']') < 0 {
		return host[:i]
	}
	return host
}

// CheckHost rejects a request whose host is ambiguous. target is its
// request-target.
func CheckHost(q *http.Request, target string) *Rejection {
	if hosts := q.Header["Host"]; q.ProtoMajor > 1 && len(hosts) > 0 && (len(hosts) > 1 || hosts[0] != q.Host) {
		// In HTTP/2 net/http uses the authority and leaves this field to applications.
		return &Rejection{http.StatusBadRequest, "the Host differs from the authority"}
	}
	if !strings.HasPrefix(target, "/") && target != "*" && q.Context().Value(http.ServerContextKey) != nil {
		// The server of net/http drops the Host header when the target has an
		// authority, so whether they agree is unknown. (Requests of
		// httptest.NewRequest have no server, and no second host.)
		return &Rejection{http.StatusBadRequest, "expected a path as the target, found an absolute URL"}
	}
	if q.TLS == nil || q.TLS.ServerName == "" || q.Host == "" { // without a Host, routing rejects it
		return nil
	}
	if !strings.EqualFold(strings.TrimSuffix(Hostname(q.Host), "."), strings.TrimSuffix(q.TLS.ServerName, ".")) {
		return &Rejection{http.StatusMisdirectedRequest, "the Host differs from the server name of the TLS connection"}
	}
	return nil
}
