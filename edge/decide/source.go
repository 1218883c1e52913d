package decide

import (
	"fmt"
	"maps"
	"net/http"
	"net/netip"
	"slices"
	"strings"

	"github.com/tenantedge/tenantedge/edge"
	"github.com/tenantedge/tenantedge/edge/internal/header"
)

// The presets, each for the server of its name.
const (
	Nginx   = "nginx"   // auth_request
	Traefik = "traefik" // ForwardAuth
	Caddy   = "caddy"   // forward_auth
	Envoy   = "envoy"   // ext_authz over HTTP
	HAProxy = "haproxy" // the Lua script in testdata
)

// source is how a server describes a client's request.
type source struct {
	// prefix starts the names of the headers with the method, the host, the target,
	// the scheme and the client's address.
	prefix string
	// direct: method, host and target are those of the server's own request, and
	// only the scheme and the address are in headers.
	direct bool
	// chain: the address may follow those that earlier proxies report. The last one
	// is that of the server's peer.
	chain bool
	// only403: the server accepts no other status of a refusal.
	only403 bool
	// blank: the server keeps a client's header unless the answer has one of that name,
	// so the answer has empty ones.
	blank bool
}

var sources = map[string]source{
	Nginx:   {prefix: "X-Original-", only403: true},
	HAProxy: {prefix: "X-Original-", blank: true},
	Traefik: {prefix: "X-Forwarded-"},
	Caddy:   {prefix: "X-Forwarded-", chain: true},
	Envoy:   {prefix: "X-Forwarded-", direct: true, chain: true, blank: true},
}

// Presets returns the names of the presets, sorted.
func Presets() []string { return slices.Sorted(maps.Keys(sources)) }

// oneHop are headers of the server's connection, not of the client's request.
var oneHop = []string{
	"Connection", "Content-Length", "Keep-Alive", "Proxy-Connection", "Proxy-Authenticate", "Proxy-Authorization", "Te", "Trailer",
	"Transfer-Encoding", "Upgrade", "Http2-Settings",
}

// read returns the client's request. Headers that do not describe it are those of
// the client. The error says what the server did not send, or sent twice.
func (s *source) read(r *http.Request) (edge.Incoming, error) {
	in := edge.Incoming{Method: r.Method, Host: r.Host, Target: r.RequestURI, Header: r.Header.Clone(), ContentLength: -1}
	proto, err := s.take(in.Header, "Proto", true)
	if err != nil {
		return edge.Incoming{}, err
	}
	if proto != "http" && proto != "https" {
		return edge.Incoming{}, fmt.Errorf("expected http or https in %sProto, found %q", s.prefix, proto)
	}
	in.TLS = proto == "https"
	if in.RemoteAddr, err = s.client(in.Header); err != nil {
		return edge.Incoming{}, err
	}
	if !s.direct {
		for _, field := range []struct {
			name     string
			into     *string
			required bool
		}{
			{"Method", &in.Method, true}, {"Uri", &in.Target, true},
			{"Host", &in.Host, false}, // nginx sends no empty header, and HTTP/1.0 has requests without a Host
		} {
			if *field.into, err = s.take(in.Header, field.name, field.required); err != nil {
				return edge.Incoming{}, err
			}
		}
	}
	keepHandshake(in.Header)
	return in, nil
}

// take removes a header that describes the request, and returns its value.
func (s *source) take(h http.Header, name string, required bool) (string, error) {
	name = s.prefix + name
	values := h[name]
	delete(h, name)
	switch {
	case len(values) > 1:
		return "", fmt.Errorf("expected one %s, found %d; the server must replace those of clients", name, len(values))
	case len(values) == 1 && (values[0] != "" || !required):
		return values[0], nil
	case required:
		return "", fmt.Errorf("expected the header %s, found none; see the configuration of the server in edge/decide/README.md", name)
	}
	return "", nil
}

// client returns the address of the client as IP and port 0.
func (s *source) client(h http.Header) (string, error) {
	text, err := s.take(h, "For", true)
	if err != nil {
		return "", err
	}
	if i := strings.LastIndexByte(text, ','); i >= 0 && s.chain {
		text = strings.TrimSpace(text[i+1:])
	}
	ip, err := netip.ParseAddr(text)
	if err != nil {
		return "", fmt.Errorf("expected the IP address of the client in %sFor, found %q", s.prefix, text)
	}
	return netip.AddrPortFrom(ip, 0).String(), nil
}

// keepHandshake removes the headers of the server's connection. Some servers remove
// Upgrade and Connection from what they ask, so a key makes a request a websocket
// handshake, too.
func keepHandshake(h http.Header) {
	upgrade := h["Upgrade"]
	for _, name := range oneHop {
		delete(h, name)
	}
	if len(upgrade) == 0 && len(h["Sec-Websocket-Key"]) > 0 {
		upgrade = []string{"websocket"}
	}
	if len(upgrade) > 0 {
		h["Upgrade"], h["Connection"] = upgrade, []string{"Upgrade"}
	}
}

// malformed returns why a request must not be passed on, or an empty string.
func malformed(in *edge.Incoming) string {
	switch {
	case !strings.HasPrefix(in.Target, "/") && in.Target != "*":
		return "expected a path as the target, found an absolute URL"
	case len(in.Header["Upgrade"]) > 0 && !header.HasToken(in.Header["Upgrade"], "websocket"):
		// The server may pass it on.
		return "expected no upgrade, or one to websocket"
	}
	return ""
}
