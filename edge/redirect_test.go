package edge

import (
	"context"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"testing"

	"github.com/tenantedge/tenantedge/guest/abi"
)

// Of the ports that a client may name, only that of the listener is in a redirect.
func TestARedirectKeepsThePortOfTheListener_H6(t *testing.T) {
	hosts := map[abi.Compat]*Host{}
	for _, compat := range []abi.Compat{abi.Hardened, abi.Strict} {
		hosts[compat] = newHost(t, func(c *Config) {
			c.GuestConfig.Compat = compat
			c.TrustedPeers = []netip.Prefix{netip.MustParsePrefix("10.0.0.0/8")}
		})
	}
	for _, c := range []struct {
		name, host, peer string
		listener         net.Addr
		compat           abi.Compat
		location         string
	}{
		{"the port of the listener", "old.example.com:8080", "192.0.2.1:1", &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1), Port: 8080}, abi.Hardened, "//t1.example.com:8080/a?b"},
		{"the listener on IPv6", "old.example.com:8080", "192.0.2.1:1", &net.TCPAddr{IP: net.IPv6loopback, Port: 8080}, abi.Hardened, "//t1.example.com:8080/a?b"},
		{"another port", "old.example.com:9999", "192.0.2.1:1", &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1), Port: 8080}, abi.Hardened, "//t1.example.com/a?b"},
		{"no port", "old.example.com", "192.0.2.1:1", &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1), Port: 8080}, abi.Hardened, "//t1.example.com/a?b"},
		{"a proxy in front", "old.example.com:8080", "10.0.0.1:1", &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1), Port: 8080}, abi.Hardened, "//t1.example.com/a?b"},
		{"a Unix socket", "old.example.com:8080", "192.0.2.1:1", &net.UnixAddr{Name: "/run/edge", Net: "unix"}, abi.Hardened, "//t1.example.com/a?b"},
		{"an unknown listener", "old.example.com:8080", "192.0.2.1:1", nil, abi.Hardened, "//t1.example.com/a?b"},
		{"strict rules", "old.example.com:8080", "192.0.2.1:1", &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1), Port: 8080}, abi.Strict, "//t1.example.com/a"},
	} {
		r := httptest.NewRequest(http.MethodGet, "/a?b", nil)
		r.Host, r.RemoteAddr = c.host, c.peer
		if c.listener != nil {
			r = r.WithContext(context.WithValue(r.Context(), http.LocalAddrContextKey, c.listener))
		}
		if w := serve(hosts[c.compat], r, nil); w.Code != http.StatusMovedPermanently || w.Header().Get("Location") != c.location {
			t.Errorf("%s: status %d to %q, expected %q", c.name, w.Code, w.Header().Get("Location"), c.location)
		}
	}
}

func TestARedirectKeepsThePortOfTheRow(t *testing.T) {
	h := &Host{}
	r := httptest.NewRequest(http.MethodGet, "/", nil)
	r.Host = "a.example.com:8080"
	r = r.WithContext(context.WithValue(r.Context(), http.LocalAddrContextKey, &net.TCPAddr{Port: 8080}))
	for location, want := range map[string]string{
		"//b.example.com:81/x":     "//b.example.com:81/x",
		"//b.example.com":          "//b.example.com:8080",
		"//b.example.com?x=1:2":    "//b.example.com:8080?x=1:2",
		"//[::1]/x":                "//[::1]:8080/x",
		"https://b.example.com/x:": "https://b.example.com/x:",
	} {
		if got := h.location(r, &Request{}, location); got != want {
			t.Errorf("%s became %s, expected %s", location, got, want)
		}
	}
}
