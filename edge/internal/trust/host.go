package trust

import (
	"net/http"
	"strings"
)

// checkHost rejects a request whose host is ambiguous.
func checkHost(q *Request) *Rejection {
	if hosts := q.Header["Host"]; len(hosts) > 1 || len(hosts) == 1 && hosts[0] != q.Host {
		// In HTTP/2 net/http uses the authority and leaves this field to applications.
		return &Rejection{http.StatusBadRequest, "the Host differs from the authority"}
	}
	if !strings.HasPrefix(q.Target, "/") && q.Target != "*" && !q.Synthetic {
		// net/http drops the Host header when the target has an authority, so
		// whether they agree is unknown.
		return &Rejection{http.StatusBadRequest, "expected a path as the target, found an absolute URL"}
	}
	if q.ServerName == "" || q.Host == "" { // without a Host, routing rejects it
		return nil
	}
	if !strings.EqualFold(strings.TrimSuffix(Hostname(q.Host), "."), strings.TrimSuffix(q.ServerName, ".")) {
		return &Rejection{http.StatusMisdirectedRequest, "the Host differs from the server name of the TLS connection"}
	}
	return nil
}

// HostFor returns the Host that an application gets for a request with this Host.
// Under hardened rules it is in lower case and has no final dot, since applications
// compare it with their domains; routing accepts other forms.
func (r *Rules) HostFor(host string) string {
	if !r.config.Hardened {
		return host
	}
	name := Hostname(host)
	return strings.ToLower(strings.TrimSuffix(name, ".")) + host[len(name):]
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
