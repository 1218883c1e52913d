package trust

import (
	"net/http"
	"slices"
	"strings"

	"github.com/tenantedge/tenantedge/edge/internal/header"
	"github.com/tenantedge/tenantedge/edge/proof"
)

// Names are compared in folded form, see header.Fold.

// always are headers that control an application's server. No peer has reason to
// send them, trusted or not.
var always = []string{"script-name", "path-info", "daphne-root-path", "proxy"}

// framing are headers that frame a body. They pass only in their usual spelling:
// in another one they frame nothing, but some frameworks read them.
var framing = []string{"content-length", "transfer-encoding"}

// forwarding are the headers by which proxies describe the client and its request
// to servers and frameworks, and by which applications have servers send files.
// Names that start with one of forwardingPrefixes belong to them too.
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
	// The user, as an authenticating proxy reports it.
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
	// Next.js reads these as its own headers, and skips its middleware.
	"x-middleware-",
}

// guard holds the headers that clients must not send. It checks all headers of
// every request, so it rules out most names by length and first character.
type guard struct {
	firsts   [128]bool // first characters of guarded names
	byLength [64][]guarded
}

type guarded struct {
	name string // folded
	kind kind
}

// kind is what the edge does with a header.
type kind uint8

const (
	unguarded kind = iota // passes
	claim                 // names a tenant: passes from trusted peers; the edge replaces it for upstreams
	never                 // removed from every request
	proxied               // passes from trusted peers
	framed                // passes in the usual spelling
)

func newGuard(c *Config) *guard {
	g := &guard{}
	add := func(k kind, names ...string) {
		for _, n := range names {
			if n = header.Fold(n); n == "" {
				continue
			}
			at := &g.byLength[min(len(n), len(g.byLength)-1)]
			if slices.ContainsFunc(*at, func(o guarded) bool { return o.name == n }) {
				continue // the first addition counts
			}
			*at = append(*at, guarded{n, k})
			g.firsts[n[0]&0x7f] = true
		}
	}
	add(claim, c.TenantHeader, proof.Header)
	add(claim, c.Upstream...)
	add(unguarded, c.Allow...)
	add(never, always...)
	add(framed, framing...)
	add(proxied, forwarding...)
	add(proxied, c.Guard...)
	for _, p := range forwardingPrefixes {
		g.firsts[p[0]] = true
	}
	return g
}

// kind returns the kind of a header, in any spelling that an application server
// may read as its name.
func (g *guard) kind(name string) kind {
	if name == "" || !g.firsts[header.FoldByte(name[0])&0x7f] {
		return unguarded
	}
	for _, n := range g.byLength[min(len(name), len(g.byLength)-1)] {
		if header.EqualFold(name, n.name) {
			return n.kind
		}
	}
	for _, p := range forwardingPrefixes {
		if len(name) > len(p) && header.EqualFold(name[:len(p)], p) {
			return proxied
		}
	}
	return unguarded
}

// removes reports whether a header from a peer must not be passed on. A trusted peer
// sets its headers in one spelling: any other spelling may come from the client.
func (g *guard) removes(name string, trusted bool) bool {
	switch g.kind(name) {
	case unguarded:
		return false
	case proxied, claim:
		return !trusted || header.Odd(name)
	case framed:
		return header.Odd(name)
	default:
		return true
	}
}

// clean returns h without the fields that must not be passed on from a peer: h
// itself if there are none, and a copy otherwise.
func (g *guard) clean(h http.Header, trusted bool) http.Header {
	clean, copied := h, false
	for name := range h {
		if !g.removes(name, trusted) {
			continue
		}
		if !copied {
			clean, copied = h.Clone(), true
		}
		delete(clean, name)
	}
	return clean
}

// reserved are headers, in folded form, that only the edge sets: by setting them, a
// guest could make the application read a different request.
var reserved = []string{
	"host", "cookie", "content-length", "transfer-encoding", "connection", "keep-alive", "proxy-connection", "upgrade", "te", "trailer",
	"expect", "http2-settings", "proxy-authorization", "proxy-authenticate",
}

// setByGuest reports whether a guest may set a header of the request to the
// upstream.
func (g *guard) setByGuest(name string) bool {
	if g.kind(name) != unguarded || strings.HasPrefix(header.Fold(name), "sec-websocket-") {
		return false
	}
	return !slices.ContainsFunc(reserved, func(own string) bool { return header.EqualFold(name, own) })
}
