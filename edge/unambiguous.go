package edge

import (
	"net/http"
	"strings"
)

// RouteByForwardedHost is a value of Config.ForwardedHost: the X-Forwarded-Host
// of a trusted peer is taken for the Host, for routing and for upstreams.
const RouteByForwardedHost = "route"

// unambiguous returns r without what the edge and an application could read in
// two ways: cookies in several lines become one (RFC 9113, 8.2.3), and the host
// that a trusted peer forwards is the Host, or the request is refused. It
// returns r itself where nothing is to be done.
func (h *Host) unambiguous(r *http.Request) (*http.Request, *RouteError) {
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
