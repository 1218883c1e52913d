package trust

import (
	"net"
	"net/http"
	"net/url"
	"strings"
)

// Hop is how an incoming request reached the edge.
type Hop struct {
	Host       string
	Scheme     string // "http" or "https"
	RemoteAddr string // IP:port of the socket peer
	Trusted    bool   // its forwarding headers are
}

// SetForwarded sets X-Forwarded-For, -Host and -Proto of a request to an
// application. The fields of a trusted peer are kept and extended, those of any
// other peer are removed. Forwarded (RFC 7239) is always removed: the edge does
// not extend it, and the two chains would differ.
func (r *Rules) SetForwarded(out http.Header, in Hop) {
	for name := range out {
		if name == "Forwarded" || r.guard.kind(name) != claim && r.guard.removes(name, in.Trusted) {
			delete(out, name)
		}
	}
	out["X-Forwarded-Host"] = []string{r.HostFor(in.Host)} // also a trusted peer's is the Host; see Normalize
	if len(out["X-Forwarded-Proto"]) == 0 {
		out["X-Forwarded-Proto"] = []string{in.Scheme}
	}
	if ip, _, err := net.SplitHostPort(in.RemoteAddr); err == nil {
		out["X-Forwarded-For"] = []string{strings.Join(append(out["X-Forwarded-For"], ip), ", ")}
	} else {
		delete(out, "X-Forwarded-For")
	}
}

// SetForwardedPrefix appends a folder that the edge removed from the path to
// X-Forwarded-Prefix.
func SetForwardedPrefix(out http.Header, folder string) {
	before := strings.TrimSuffix(out.Get("X-Forwarded-Prefix"), "/")
	out.Set("X-Forwarded-Prefix", before+"/"+url.PathEscape(folder))
}
