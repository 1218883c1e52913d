package edge

import (
	"net/http"
	"strconv"
	"strings"

	"golang.org/x/net/http/httpguts"
)

// RouteByForwardedHost is a value of Config.ForwardedHost: the X-Forwarded-Host
// of a trusted peer is taken for the Host, for routing and for upstreams.
const RouteByForwardedHost = "route"

// unambiguous returns r without what the edge and an application could read in
// two ways: cookies in several lines become one (RFC 9113, 8.2.3), and the host
// that a trusted peer forwards is the Host, or the request is refused, as is
// what is malformed. It returns r itself where nothing is to be done.
func (h *Host) unambiguous(r *http.Request) (*http.Request, *RouteError) {
	if reason := malformed(r); reason != "" {
		return r, &RouteError{Status: http.StatusBadRequest, Outcome: OutcomeBadRequest, Reason: reason}
	}
	host := r.Host
	if forwarded := r.Header["X-Forwarded-Host"]; len(forwarded) > 0 && h.TrustsPeer(r) {
		switch {
		case len(forwarded) == 1 && sameHost(forwarded[0], r.Host):
		case len(forwarded) == 1 && h.config.ForwardedHost == RouteByForwardedHost && !strings.ContainsAny(forwarded[0], ", \t"):
			host = forwarded[0]
		default:
			return r, &RouteError{Status: http.StatusMisdirectedRequest, Outcome: OutcomeConflict, Reason: "the X-Forwarded-Host of a trusted peer is not the Host"}
		}
	}
	if len(r.Header["Cookie"]) < 2 && host == r.Host {
		return r, nil
	}
	out := r.WithContext(r.Context())
	out.Header = r.Header.Clone()
	if cookies := out.Header["Cookie"]; len(cookies) > 1 {
		out.Header["Cookie"] = []string{strings.Join(cookies, "; ")}
	}
	out.Host = host
	return out, nil
}

// malformed returns why a request cannot be passed on in HTTP/1.1 as it was
// meant, or an empty string. In HTTP/2 a method and a path are values of fields:
// net/http lets blanks in them pass, which would make another request line of
// them, and lengths that are not those of the body.
func malformed(r *http.Request) string {
	switch {
	case r.Method == http.MethodConnect:
		return "CONNECT is for proxies: this is none"
	case r.Method != "" && !httpguts.ValidHeaderFieldName(r.Method):
		return "the method is no token"
	case strings.ContainsFunc(r.RequestURI, func(c rune) bool { return c <= ' ' || c == 0x7f }):
		return "the target has blanks or control characters"
	case r.ProtoMajor > 1 && !sameLength(r):
		return "the Content-Length is not the length of the body"
	}
	return ""
}

// sameLength reports whether the Content-Length of a request of HTTP/2 is what
// net/http has made of it: it takes the first of several, and zero for what is
// no number.
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
	return strings.EqualFold(strings.TrimSuffix(hostname(a), "."), strings.TrimSuffix(hostname(b), "."))
}

// NormalizedHost returns a Host as applications compare it: in lower case and
// without the dot that may end a name. Its port stays.
func NormalizedHost(host string) string {
	name := hostname(host)
	return strings.ToLower(strings.TrimSuffix(name, ".")) + host[len(name):]
}
