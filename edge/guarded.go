package edge

import (
	"net/http"
	"slices"
	"strings"
)

// What an application server takes for a header's name depends on the server:
// gunicorn and uwsgi read `_` as `-`, CGI in lighttpd reads every character other
// than letters and digits as `-`. The edge compares names as the loosest of them does.

// always are headers that steer an application's server and that no peer has
// reason to send, trusted or not.
var always = []string{"script-name", "path-info", "daphne-root-path", "proxy"}

// framing are headers that frame a body. The edge's own are in this spelling; in
// another one they frame nothing, but some framework believes them.
var framing = []string{"content-length", "transfer-encoding"}

// forwarding are the headers by which proxies tell servers and frameworks about
// the client and its request, and by which servers are told to send files. Every
// name that begins with one of forwardingPrefixes comes on top.
var forwarding = []string{
	// RFC 7239 and what came before it.
	"forwarded", "x-forwarded", "x-forward-for", "x-original-forwarded-for", "forwarded-for", "forwarded-proto",
	// The client's address.
	"x-real-ip", "client-ip", "x-client-ip", "true-client-ip", "x-cluster-client-ip", "cf-connecting-ip", "cf-connecting-ipv6",
	"cf-pseudo-ipv4", "fastly-client-ip", "x-remote-ip", "x-remote-addr", "remote-addr", "x-originating-ip", "x-proxyuser-ip",
	"proxy-client-ip", "wl-proxy-client-ip", "x-envoy-external-address", "x-appengine-user-ip", "x-appengine-remote-addr",
	"x-azure-clientip", "x-azure-socketip", "x-coming-from", "x-nf-client-connection-ip", "fly-client-ip",
	"x-true-client-ip", "x-original-remote-addr", "cdn-src-ip", "ali-cdn-real-ip", "incap-client-ip", "x-sucuri-clientip", "do-connecting-ip",
	"x-vercel-forwarded-for", "x-vercel-proxied-for", "cloudfront-viewer-address",
	// The user, as an authenticating proxy tells it.
	"remote-user", "x-remote-user", "x-authenticated-user", "x-webauth-user", "x-client-cert", "x-client-verify", "x-client-dn",
	"remote-groups", "remote-name", "remote-email", "x-remote-group", "x-authenticated-userid", "x-authenticated-email", "x-authenticated-scope",
	"x-anonymous-consumer", "x-credential-identifier", "x-ms-client-principal",
	"cf-access-authenticated-user-email", "client-cert", "client-cert-chain", "x-arr-clientcert", // RFC 9440, and IIS
	// The URL, the host and the scheme.
	"x-original-url", "x-original-uri", "x-original-host", "x-original-method", "x-original-proto", "x-rewrite-url", "x-request-uri", "x-envoy-original-path",
	"x-original-scheme", "x-original-port", "x-original-path", "x-original-query", "x-override-url", "x-invoke-path", "x-invoke-query", "x-matched-path",
	"x-real-host", "x-real-port", "x-real-proto", "x-real-scheme", "x-client-scheme",
	"x-host", "x-http-host-override", "x-http-destinationurl", "x-backend-host", "x-server-name",
	"x-scheme", "x-url-scheme", "x-proto", "x-protocol", "front-end-https", "x-arr-ssl", "x-https", "https", "cloudfront-forwarded-proto",
	"x-script-name", "x-base-path", "x-context-path", "x-port",
	// Files that a server in front of the application sends.
	"x-sendfile", "x-sendfile-type", "x-lighttpd-send-file",
}

var forwardingPrefixes = []string{
	"x-forwarded-", "x-accel-", "x-ssl-client-", "ssl-client-", "x-amzn-mtls-",
	// Users of oauth2-proxy, authentik, Kong, Google, Azure, AWS and Kubernetes.
	"x-auth-request-", "x-authentik-", "x-consumer-", "x-goog-authenticated-user-", "x-ms-client-principal-", "x-amzn-oidc-", "x-remote-extra-",
	// Next.js believes that these come from itself, and skips its middleware.
	"x-middleware-",
}

// guard knows the headers that clients must not send. Every request has all of
// its headers looked at, so most names are ruled out by their length and first
// letter.
type guard struct {
	firsts   [128]bool // first characters of guarded names
	byLength [64][]guarded
}

// guarded is a name in its folded form.
type guarded struct {
	name string
	kind guardKind
}

type guardKind uint8

const (
	unguarded guardKind = iota
	claim               // claims a tenant: the edge sets it
	never               // removed from every peer's requests
	proxied             // believed from trusted peers
	spelled             // believed in the usual spelling
)

// newGuard makes one of what the configuration names.
func newGuard(c *Config) *guard {
	g := &guard{}
	add := func(kind guardKind, names ...string) {
		for _, n := range names {
			if n = fold(n); n == "" {
				continue
			}
			at := &g.byLength[min(len(n), len(g.byLength)-1)]
			if slices.ContainsFunc(*at, func(o guarded) bool { return o.name == n }) {
				continue // what was added first counts
			}
			*at = append(*at, guarded{n, kind})
			g.firsts[n[0]&0x7f] = true
		}
	}
	add(claim, c.TenantHeader, ProofHeader)
	add(claim, c.Upstream.names()...)
	add(unguarded, c.AllowHeaders...)
	add(never, always...)
	add(spelled, framing...)
	add(proxied, forwarding...)
	add(proxied, c.GuardHeaders...)
	for _, p := range forwardingPrefixes {
		g.firsts[p[0]] = true
	}
	return g
}

// kind returns what a header is, in any spelling that an application server may
// take for it.
func (g *guard) kind(name string) guardKind {
	if name == "" || !g.firsts[foldByte(name[0])&0x7f] {
		return unguarded
	}
	for _, n := range g.byLength[min(len(name), len(g.byLength)-1)] {
		if equalFold(name, n.name) {
			return n.kind
		}
	}
	for _, p := range forwardingPrefixes {
		if len(name) > len(p) && equalFold(name[:len(p)], p) {
			return proxied
		}
	}
	return unguarded
}

// removes reports whether a header must not pass on from a peer. A trusted peer
// sets its own headers in one spelling: any other may come from the client.
func (g *guard) removes(name string, trusted bool) bool {
	switch g.kind(name) {
	case unguarded:
		return false
	case proxied, claim:
		return !trusted || odd(name)
	case spelled:
		return odd(name)
	default:
		return true
	}
}

// clean returns header without what must not pass on from a peer. It returns
// header itself if there is nothing of the kind, and a copy otherwise: the
// request's own header is the server's.
func (g *guard) clean(header http.Header, trusted bool) http.Header {
	clean, copied := header, false
	for name := range header {
		if !g.removes(name, trusted) {
			continue
		}
		if !copied {
			clean, copied = header.Clone(), true
		}
		delete(clean, name)
	}
	return clean
}

// claims removes what claims a tenant from header.
func (g *guard) claims(header http.Header) {
	for name := range header {
		if g.kind(name) == claim {
			delete(header, name)
		}
	}
}

// removeFolded removes a header in every spelling.
func removeFolded(header http.Header, name string) {
	folded := fold(name)
	for n := range header {
		if equalFold(n, folded) {
			delete(header, n)
		}
	}
}

// fold makes one name of those that an application server may take for the same.
func fold(name string) string {
	b := []byte(name)
	for i := range b {
		b[i] = foldByte(b[i])
	}
	return string(b)
}

func foldByte(c byte) byte {
	switch {
	case c >= 'A' && c <= 'Z':
		return c + 'a' - 'A'
	case c >= 'a' && c <= 'z', c >= '0' && c <= '9':
		return c
	}
	return '-'
}

// equalFold reports whether fold(name) is folded, without building it.
func equalFold(name, folded string) bool {
	if len(name) != len(folded) {
		return false
	}
	for i := range len(name) {
		if foldByte(name[i]) != folded[i] {
			return false
		}
	}
	return true
}

// odd reports whether a name has characters besides letters, digits and hyphens.
func odd(name string) bool {
	return strings.ContainsFunc(name, func(r rune) bool {
		return !(r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || r == '-')
	})
}

// ofTheEdge are headers that the edge decides about, in folded form: a guest
// that could set them would have the application take a request for another.
var ofTheEdge = []string{
	"host", "cookie", "content-length", "transfer-encoding", "connection", "keep-alive", "proxy-connection", "upgrade", "te", "trailer",
	"expect", "http2-settings", "proxy-authorization", "proxy-authenticate",
}

// setByGuest reports whether a guest may set a header of the request to the
// upstream.
func (g *guard) setByGuest(name string) bool {
	if g.kind(name) != unguarded || strings.HasPrefix(fold(name), "sec-websocket-") {
		return false
	}
	return !slices.ContainsFunc(ofTheEdge, func(own string) bool { return equalFold(name, own) })
}
