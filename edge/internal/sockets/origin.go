package sockets

import (
	"strconv"
	"strings"

	"golang.org/x/net/http/httpguts"

	"github.com/tenantedge/tenantedge/guest/tenancy"
)

// Origin is the web origin of a page (RFC 6454) in normal form: scheme and host
// are in lower case, and the host is as tenancy.NormalizeHost returns it.
type Origin struct {
	Scheme, Host string
	Port         int // the scheme's own where the text has none; 0: none is known
}

// defaultPorts are those that an origin or a Host leaves out.
var defaultPorts = map[string]int{"http": 80, "https": 443}

// ParseOrigin reads an Origin header. It reports false for what is not a scheme,
// a host and at most a port: "null", an origin with userinfo, a path, a query or
// a fragment, and lists.
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

// At reports whether the origin is at a host as a Host header names it: that
// host and port. Only http and https have origins at a host.
func (o Origin) At(host string) bool {
	name, _, ok := splitHost(host)
	return ok && name == o.Host && o.SamePort(host)
}

// SamePort reports whether the origin has the port of a Host header. A Host
// without a port is at the default port of the origin's scheme, whichever that
// is: TLS may end at a proxy before this server.
func (o Origin) SamePort(host string) bool {
	standard, web := defaultPorts[o.Scheme]
	_, port, ok := splitHost(host)
	if port == 0 {
		port = standard
	}
	return web && ok && o.Port == port
}

// splitHost splits a host in normal form from its port, 0 if there is none.
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
