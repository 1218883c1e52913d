package sockets

import (
	"strconv"
	"strings"

	"golang.org/x/net/http/httpguts"

	"github.com/tenantedge/tenantedge/guest/tenancy"
)

// Origin is the web origin of a page (RFC 6454), normalized: the scheme is in
// lower case, and the host is as tenancy.NormalizeHost returns it.
type Origin struct {
	Scheme, Host string
	Port         int // the default of the scheme if the text has none; 0: unknown
}

// defaultPorts are the ports that an origin or a Host omits.
var defaultPorts = map[string]int{"http": 80, "https": 443}

// ParseOrigin parses an Origin header. It reports false unless the text is a
// scheme, a host and optionally a port: for "null", for lists, and for userinfo,
// a path, a query or a fragment.
func ParseOrigin(text string) (o Origin, ok bool) {
	scheme, host, ok := strings.Cut(text, "://")
	if !ok || !httpguts.ValidHeaderFieldName(scheme) {
		return Origin{}, false
	}
	o.Scheme = strings.ToLower(scheme)
	if o.Host, o.Port, ok = splitHost(host); !ok {
		return Origin{}, false
	}
	if o.Port == 0 {
		o.Port = defaultPorts[o.Scheme]
	}
	return o, true
}

// At reports whether the origin has the host and port of a Host header. Its scheme
// must be http or https.
func (o Origin) At(host string) bool {
	name, _, ok := splitHost(host)
	return ok && name == o.Host && o.SamePort(host)
}

// SamePort reports whether the origin has the port of a Host header. A Host
// without a port has the default port of the origin's scheme, since a proxy may
// terminate TLS. The scheme must be http or https.
func (o Origin) SamePort(host string) bool {
	defaultPort, web := defaultPorts[o.Scheme]
	_, port, ok := splitHost(host)
	if port == 0 {
		port = defaultPort
	}
	return web && ok && o.Port == port
}

// splitHost splits a Host into the normalized host and the port, 0 if absent.
func splitHost(text string) (host string, port int, ok bool) {
	host = text
	if i := strings.LastIndexByte(text, ':'); i >= 0 && strings.IndexByte(text[i:], ']') < 0 {
		n, err := strconv.ParseUint(text[i+1:], 10, 16)
		if err != nil || n == 0 {
			return "", 0, false
		}
		host, port = text[:i], int(n)
	}
	host, err := tenancy.NormalizeHost(host)
	return host, port, err == nil
}
