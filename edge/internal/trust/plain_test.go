package trust

import (
	"net/http"
	"net/netip"
	"slices"
	"testing"
)

// A plain header takes a shorter way, so the complete one must not change or reject
// it, whatever is allowed and whoever sends it.
func TestAPlainHeaderNeedsNoRule_A3(t *testing.T) {
	names := slices.Concat(always, framing, forwarding, []string{
		"Host", "Upgrade", "Http2-Settings", "Connection", "Cookie", "X-Forwarded-Host", "X_forwarded_host", "X-Forwarded-For", "X-Tenant", "tenant",
		"Tenantedge-Proof", "Accept", "User-Agent", "Content_length", "Sec-Websocket-Key",
	})
	values := [][]string{nil, {""}, {"a"}, {"keep-alive"}, {"close"}, {"Upgrade"}, {"keep-alive, upgrade"}, {"keep-alive", "upgrade"}, {"websocket"}, {"a", "b"}}
	plain := 0
	for _, c := range []Config{{}, {RouteForwardedHost: true}, {Allow: []string{"X-Forwarded-Host", "Connection"}}} {
		c.Hardened, c.TenantHeader, c.Upstream = true, "X-Tenant", []string{"tenant"}
		c.Peers = []netip.Prefix{netip.MustParsePrefix("10.0.0.0/8")}
		r := New(c)
		for _, peer := range []string{"10.0.0.1:1", "192.0.2.1:1"} {
			for _, name := range names {
				for _, value := range values {
					h := http.Header{http.CanonicalHeaderKey(name): value, "Accept-Language": {"en"}}
					if !r.guard.plain(h, r.Peer(peer)) {
						continue
					}
					plain++
					q := Request{Method: "GET", Host: "a.example", Target: "/", Header: h, RemoteAddr: peer, ProtoMajor: 1, ProtoMinor: 1, trusted: r.Peer(peer)}
					if rejection := r.normalizeHeader(&q); rejection != nil || q.normalized {
						t.Errorf("%s: %q from %s: Normalize returns %v and changes the request", name, value, peer, rejection)
					}
					if rejection := checkHost(&q); rejection != nil || q.IsWebsocket() {
						t.Errorf("%s: %q from %s: %v, websocket %v", name, value, peer, rejection, q.IsWebsocket())
					}
					passed := r.PassOn(h, q.trusted, false)
					h["Added-Later"] = nil
					if len(passed) != len(h) {
						t.Errorf("%s: %q from %s: PassOn copies the header", name, value, peer)
					}
				}
			}
		}
	}
	browser := http.Header{
		"Accept": {"*/*"}, "Connection": {"keep-alive"}, "Cookie": {"a=b; c=d"}, "User-Agent": {"x"}, "Content-Length": {"3"}, "Sec-Fetch-Site": {"none"},
	}
	if !New(Config{}).guard.plain(browser, false) || plain == 0 {
		t.Error("a browser's header is not plain")
	}
}
