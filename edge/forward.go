package edge

import (
	"net"
	"net/http"
	"net/url"
	"strings"
)

// SetForwarded makes the headers by which proxies speak to each other, in a
// request to an upstream, say what is so: X-Forwarded-For, -Host and -Proto of
// the request in. What a trusted peer says of its client is kept and extended;
// from anybody else nothing is. Forwarded (RFC 7239) is removed even then: two
// chains, of which a hop extended one, contradict each other.
func (h *Host) SetForwarded(in *http.Request, out http.Header) {
	trusted := h.TrustsPeer(in)
	for name := range out {
		if name == "Forwarded" || h.guard.kind(name) != claim && h.guard.removes(name, trusted) {
			delete(out, name)
		}
	}
	proto := "http"
	if in.TLS != nil {
		proto = "https"
	}
	for name, value := range map[string]string{"X-Forwarded-Host": h.HostFor(in), "X-Forwarded-Proto": proto} {
		if len(out[name]) == 0 || name == "X-Forwarded-Host" { // which is the Host, see unambiguous
			out[name] = []string{value}
		}
	}
	if ip, _, err := net.SplitHostPort(in.RemoteAddr); err == nil {
		out["X-Forwarded-For"] = []string{strings.Join(append(out["X-Forwarded-For"], ip), ", ")}
	} else {
		delete(out, "X-Forwarded-For")
	}
}

// HostFor returns the Host that an upstream gets for a request. Under the hardened rules it is
// normalised, since routing takes ACME.Example.com. for acme.example.com, and an
// application that compares it with its domains does not.
func (h *Host) HostFor(in *http.Request) string {
	if h.config.Compat == Hardened {
		return NormalizedHost(in.Host)
	}
	return in.Host
}

// SetForwardedPrefix tells an upstream that sees the tenant's path which folder
// was taken off it.
func SetForwardedPrefix(t *Tenant, out http.Header) {
	if t.Routing.Folder != "" {
		before := strings.TrimSuffix(out.Get("X-Forwarded-Prefix"), "/")
		out.Set("X-Forwarded-Prefix", before+"/"+url.PathEscape(t.Routing.Folder))
	}
}
