package serve

import (
	"bufio"
	"io"
	"net"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"

	"github.com/tenantedge/tenantedge/edge/config"
)

// capturing starts an upstream that answers each connection once. The channel
// yields the heads that it got, byte for byte.
func capturing(t *testing.T, answer string) (*url.URL, <-chan string) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	heads := make(chan string, 100)
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			go func() {
				defer c.Close()
				var head strings.Builder
				for r := bufio.NewReader(c); !strings.HasSuffix(head.String(), "\r\n\r\n"); {
					line, err := r.ReadString('\n')
					if err != nil {
						return
					}
					head.WriteString(line)
				}
				heads <- head.String()
				io.WriteString(c, answer)
			}()
		}
	}()
	return &url.URL{Scheme: "http", Host: l.Addr().String()}, heads
}

const plainAnswer = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\nok"

// rawStatus sends bytes to the edge and returns the status of the answer.
func (w *world) rawStatus(request string) int {
	w.Helper()
	c, err := net.Dial("tcp", w.addr())
	if err != nil {
		w.Fatal(err)
	}
	defer c.Close()
	if _, err := io.WriteString(c, request); err != nil {
		w.Fatal(err)
	}
	resp, err := http.ReadResponse(bufio.NewReader(c), nil)
	if err != nil {
		w.Fatal(err)
	}
	resp.Body.Close()
	return resp.StatusCode
}

func withUpstreamConf(u *url.URL, change func(*config.URLConf)) func(*setup) {
	return func(s *setup) {
		c := config.URLConf{Upstream: u}
		if change != nil {
			change(&c)
		}
		s.options.URLConfs["app"] = c
	}
}

// linesOf returns the lines of a head with this header name, in any case.
func linesOf(head, name string) []string {
	var found []string
	for _, line := range strings.Split(head, "\r\n") {
		if n, _, ok := strings.Cut(line, ":"); ok && strings.EqualFold(n, name) {
			found = append(found, line)
		}
	}
	return found
}

const websocketKey = "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"

// The only upgrade that reaches an application is a well-formed websocket
// handshake.
func TestOnlyWebsocketsAreUpgraded_A2(t *testing.T) {
	u, heads := capturing(t, plainAnswer)
	w := start(t, withUpstreamConf(u, nil))
	for _, c := range []struct {
		name, line, headers string
		status              int
	}{
		{"h2c", "GET / HTTP/1.1", "Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABk\r\n", 200},
		{"h2c in two lines", "GET / HTTP/1.1", "Connection: Upgrade\r\nConnection: HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABk\r\n", 200},
		{"h2", "GET / HTTP/1.1", "Connection: upgrade\r\nUpgrade: h2\r\n", 200},
		{"TLS", "OPTIONS / HTTP/1.1", "Connection: Upgrade\r\nUpgrade: TLS/1.0\r\n", 200},
		{"anything", "POST / HTTP/1.1", "Connection: Upgrade\r\nUpgrade: x/1, y\r\nContent-Length: 0\r\n", 200},
		{"without the connection's token", "GET / HTTP/1.1", "Upgrade: h2c\r\n", 200},
		{"only the token in Connection", "GET / HTTP/1.1", "Connection: upgrade\r\n", 200},
		{"a websocket without the token", "GET / HTTP/1.1", "Upgrade: websocket\r\nSec-WebSocket-Version: 13\r\n" + websocketKey, 200},
		{"a websocket with HTTP/1.0", "GET / HTTP/1.0", "Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n" + websocketKey, 200},
		{"a websocket and h2c", "GET / HTTP/1.1", "Connection: Upgrade\r\nUpgrade: h2c, websocket\r\nSec-WebSocket-Version: 13\r\n" + websocketKey, 400},
		{"the same in two lines", "GET / HTTP/1.1", "Connection: Upgrade\r\nUpgrade: h2c\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n" + websocketKey, 400},
		{"a version of the protocol", "GET / HTTP/1.1", "Connection: Upgrade\r\nUpgrade: websocket/13\r\nSec-WebSocket-Version: 13\r\n" + websocketKey, 400},
		{"a POST", "POST / HTTP/1.1", "Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nContent-Length: 0\r\n" + websocketKey, 405},
		{"an old version", "GET / HTTP/1.1", "Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 8\r\n" + websocketKey, 426},
		{"no key", "GET / HTTP/1.1", "Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n", 400},
		{"a page of another site", "GET / HTTP/1.1", "Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nOrigin: http://evil.example.net\r\n" + websocketKey, 403},
	} {
		t.Run(c.name, func(t *testing.T) {
			status := w.rawStatus(c.line + "\r\nHost: acme.example.com\r\n" + c.headers + "\r\n")
			if status != c.status {
				t.Errorf("status %d, expected %d", status, c.status)
			}
			if status != 200 {
				return // nothing reached the application; otherwise the next case gets its head
			}
			head := <-heads
			if found := slices.Concat(linesOf(head, "Upgrade"), linesOf(head, "HTTP2-Settings")); found != nil {
				t.Errorf("the application got %q", found)
			}
			for _, line := range linesOf(head, "Connection") {
				if strings.Contains(strings.ToLower(line), "upgrade") || strings.Contains(strings.ToLower(line), "http2") {
					t.Errorf("the application got %q", line)
				}
			}
		})
	}
}

func TestAnUnrequestedUpgradeIsAFailure_A2(t *testing.T) {
	u, _ := capturing(t, "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: h2c\r\n\r\nGET")
	w := start(t, withUpstreamConf(u, nil))
	for name, headers := range map[string]string{
		"without Upgrade":            "",
		"with a websocket handshake": "Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n" + websocketKey,
	} {
		if status := w.rawStatus("GET / HTTP/1.1\r\nHost: acme.example.com\r\n" + headers + "\r\n"); status != http.StatusBadGateway {
			t.Errorf("a request %s: status %d, expected 502", name, status)
		}
	}
}

// The upstream for hosts without a tenant gets only websockets of its own pages.
func TestTheFallbackChecksOriginsToo_A2_E4(t *testing.T) {
	u, _ := capturing(t, plainAnswer)
	w := start(t, withUpstreamConf(u, nil), func(s *setup) { s.options.Fallback = "app" })
	handshake := "GET / HTTP/1.1\r\nHost: unknown.example.org\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n" + websocketKey
	for origin, want := range map[string]int{
		"http://evil.example.net": 403, "http://unknown.example.org": 200, "http://UNKNOWN.example.org.:80": 200, "https://unknown.example.org:443": 200,
		"https://unknown.example.org:80": 403, "ftp://unknown.example.org": 403, "http://u@unknown.example.org": 403, "http://unknown.example.org/": 403, "null": 403,
	} {
		if status := w.rawStatus(handshake + "Origin: " + origin + "\r\n\r\n"); status != want {
			t.Errorf("a page of %s: status %d, expected %d", origin, status, want)
		}
	}
	if status := w.rawStatus("GET / HTTP/1.1\r\nHost: unknown.example.org\r\n\r\n"); status != 200 {
		t.Errorf("a page of the fallback: status %d", status)
	}
}

func TestNoSpellingOfAGuardedHeaderReachesAnApplication_A3(t *testing.T) {
	u, heads := capturing(t, plainAnswer)
	w := start(t, withUpstreamConf(u, nil))
	var sent strings.Builder
	for _, name := range []string{"X-Forwarded-For", "X-Tenant", "Tenant", "Script-Name", "Proxy", "X-Sendfile-Type", "X-Accel-Mapping", "Client-Ip", "True-Client-Ip", "X-Original-Uri", "X-Scheme", "Front-End-Https", "X-Script-Name", "X-Middleware-Subrequest", "X-Auth-Request-User", "X-Consumer-Username", "Remote-Groups"} {
		for _, with := range "-_!#$%&'*+.^`|~" {
			sent.WriteString(strings.ReplaceAll(name, "-", string(with)) + ": forged\r\n")
		}
	}
	if status := w.rawStatus("GET / HTTP/1.1\r\nHost: acme.example.com\r\n" + sent.String() + "\r\n"); status != 200 {
		t.Fatalf("status %d", status)
	}
	for _, line := range strings.Split(<-heads, "\r\n") {
		// The edge does not send X-Tenant, so clients may.
		if strings.Contains(line, "forged") && !strings.HasPrefix(strings.ToLower(line), "x") {
			t.Errorf("the application got %q", line)
		} else if strings.Contains(line, "forged") && !strings.EqualFold(line[2:8], "tenant") {
			t.Errorf("the application got %q", line)
		}
	}
}

func TestCookiesOfSeveralLinesBecomeOne_A4(t *testing.T) {
	u, heads := capturing(t, plainAnswer)
	w := start(t, withUpstreamConf(u, nil))
	w.rawStatus("GET / HTTP/1.1\r\nHost: acme.example.com\r\nCookie: sessionid=a\r\ncookie: sessionid=b; c=d\r\n\r\n")
	if got := linesOf(<-heads, "Cookie"); len(got) != 1 || got[0] != "Cookie: sessionid=a; sessionid=b; c=d" {
		t.Errorf("the application got %q", got)
	}
}

func TestThePathArrivesAsItWasSent_A5(t *testing.T) {
	u, heads := capturing(t, plainAnswer)
	original := start(t, withUpstreamConf(u, nil))
	inner := start(t, withUpstreamConf(u, func(c *config.URLConf) { c.Path = "inner" }))
	for _, c := range []struct {
		world              *world
		host, target, want string
	}{
		{original, "acme.example.com", "/a%2Fb|c", "/a%2Fb|c"},
		{original, "acme.example.com", "/a%2Fb\"<>^{}`\xc3\xa9", "/a%2Fb\"<>^{}`\xc3\xa9"},
		{original, "acme.example.com", "/%41%2f//b?x=%zz;y&&|", "/%41%2f//b?x=%zz;y&&|"},
		{original, "acme.example.com", "/?", "/?"},
		{original, "shared.example.com", "/acme/a%2Fb|c", "/acme/a%2Fb|c"},
		{inner, "shared.example.com", "/acme/a%2Fb|c?q", "/a%2Fb|c?q"},
		{inner, "shared.example.com", "/acme//a%2Fb", "/a%2Fb"},
		{inner, "acme.example.com", "/a%2Fb|c", "/a%2Fb|c"},
	} {
		if status := c.world.rawStatus("GET " + c.target + " HTTP/1.1\r\nHost: " + c.host + "\r\n\r\n"); status != 200 {
			t.Errorf("%q: status %d", c.target, status)
			continue
		}
		if line, _, _ := strings.Cut(<-heads, "\r\n"); line != "GET "+c.want+" HTTP/1.1" {
			t.Errorf("%q: the application got %q, expected the target %q", c.target, line, c.want)
		}
	}
}

// If a trusted peer forwards a host that differs from Host, the application could
// serve a different tenant than the edge routed to.
func TestAForwardedHostEqualsTheHostOrIsRefused_A8(t *testing.T) {
	u, heads := capturing(t, plainAnswer)
	trusting := func(s *setup) { s.edge.TrustedPeers = loopbackPeers() }
	refusing := start(t, withUpstreamConf(u, nil), trusting)
	routing := start(t, withUpstreamConf(u, nil), trusting, func(s *setup) { s.edge.RouteByForwardedHost = true })
	for _, c := range []struct {
		name     string
		world    *world
		forwards string
		status   int
		tenant   string
	}{
		{"the same", refusing, "X-Forwarded-Host: ACME.example.com.\r\n", 200, "acme"},
		{"another", refusing, "X-Forwarded-Host: umbra.example.com\r\n", 421, ""},
		{"a list", refusing, "X-Forwarded-Host: acme.example.com, umbra.example.com\r\n", 421, ""},
		{"two", refusing, "X-Forwarded-Host: acme.example.com\r\nX-Forwarded-Host: umbra.example.com\r\n", 421, ""},
		{"in another spelling", refusing, "X_Forwarded_Host: umbra.example.com\r\n", 200, "acme"},
		{"in Forwarded", refusing, "Forwarded: host=umbra.example.com\r\n", 200, "acme"},
		{"another, routed by it", routing, "X-Forwarded-Host: umbra.example.com\r\n", 200, "umbra"},
		{"a list, routed by it", routing, "X-Forwarded-Host: umbra.example.com, acme.example.com\r\n", 421, ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			if status := c.world.rawStatus("GET / HTTP/1.1\r\nHost: acme.example.com\r\n" + c.forwards + "\r\n"); status != c.status {
				t.Fatalf("status %d, expected %d", status, c.status)
			}
			if c.status != 200 {
				return
			}
			head, host := <-heads, c.tenant+".example.com"
			if got := slices.Concat(linesOf(head, "Host"), linesOf(head, "X-Forwarded-Host"), linesOf(head, "Tenant")); !slices.Equal(got, []string{"Host: " + host, "X-Forwarded-Host: " + host, "Tenant: " + c.tenant}) {
				t.Errorf("the application got %q", got)
			}
			if strings.Count(strings.ToLower(head), "forwarded") != 3 {
				t.Errorf("the application got %q", head)
			}
		})
	}
}

// Applications compare hosts byte by byte, but the edge routes any spelling.
func TestUpstreamsGetTheHostInOneSpelling_B10(t *testing.T) {
	u, heads := capturing(t, plainAnswer)
	w := start(t, withUpstreamConf(u, nil))
	for sent, want := range map[string]string{
		"ACME.Example.COM": "acme.example.com", "acme.example.com.": "acme.example.com", "Acme.example.com:8080": "acme.example.com:8080",
	} {
		if status := w.rawStatus("GET / HTTP/1.1\r\nHost: " + sent + "\r\n\r\n"); status != 200 {
			t.Errorf("%s: status %d", sent, status)
			continue
		}
		head := <-heads
		if got := slices.Concat(linesOf(head, "Host"), linesOf(head, "X-Forwarded-Host")); !slices.Equal(got, []string{"Host: " + want, "X-Forwarded-Host: " + want}) {
			t.Errorf("%s: the application got %q", sent, got)
		}
	}
}
