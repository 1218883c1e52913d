package trust

import (
	"net"
	"net/http"
	"net/url"
	"strings"
)

// SetForwarded sets X-Forwarded-For, -Host and -Proto of a request to an
// application, for the incoming request in. The fields of a trusted peer are kept
// and extended, those of any other peer are removed. Forwarded (RFC 7239) is
// always removed: the edge does not extend it, and the two chains would differ.
func (r *Rules) SetForwarded(in *http.Request, out http.Header) {
	trusted := r.Peer(in)
	for name := range out {
		if name == "Forwarded" || r.guard.kind(name) != claim && r.guard.removes(name, trusted) {
			delete(out, name)
		}
	}
	proto := "http"
	if in.TLS != nil {
		proto = "https"
	}
	for name, value := range map[string]string{"X-Forwarded-Host": r.HostFor(in), "X-Forwarded-Proto": proto} {
		if len(out[name]) == 0 || name == "X-Forwarded-Host" { // X-Forwarded-Host is always the Host; see Normalize
			out[name] = []string{value}
		}
	}
	if ip, _, err := net.SplitHostPort(in.RemoteAddr); err == nil {
		out["X-Forwarded-For"] = []string{strings.Join(append(out["X-Forwarded-For"], ip), ", ")}
	} else {
		delete(out, "X-Forwarded-For")
	}
}

// HostFor returns the Host that an application gets for a request. Its normal form
// is in lower case and has no final dot, since applications compare it with their
// domains; routing accepts other forms.
func (r *Rules) HostFor(in *http.Request) string {
	if !r.config.NormalizeHost {
		return in.Host
	}
	name := Hostname(in.Host)
	return strings.ToLower(strings.TrimSuffix(name, ".")) + in.Host[len(name):]
}

// SetForwardedPrefix appends a folder that the edge removed from the path to
// X-Forwarded-Prefix.
func SetForwardedPrefix(out http.Header, folder string) {
	before := strings.TrimSuffix(out.Get("X-Forwarded-Prefix"), "/")
	out.Set("X-Forwarded-Prefix", before+"/"+url.PathEscape(folder))
}
