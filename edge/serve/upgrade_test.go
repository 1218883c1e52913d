package serve

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"

	"github.com/tenantedge/tenantedge/edge"
	"github.com/tenantedge/tenantedge/guest/abi"
)

const goodHandshake = "Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n"

// switching answers 101 to every upgrade, and reports what it got otherwise.
func switching(w http.ResponseWriter, r *http.Request) {
	protocol := r.Header.Get("Upgrade")
	if protocol == "" && r.URL.Path != "/unasked" {
		echo(w, r)
		return
	}
	c, _, err := http.NewResponseController(w).Hijack()
	if err != nil {
		panic(err)
	}
	defer c.Close()
	head := "HTTP/1.1 101 Switching Protocols\r\n"
	if r.URL.Path == "/other" {
		protocol = "h2c"
	}
	if protocol != "" {
		head += "Upgrade: " + protocol + "\r\nConnection: Upgrade\r\n"
	}
	_, _ = io.WriteString(c, head+"\r\nbytes of no tenant")
}

func TestOnlyAWebsocketHandshakeIsAnUpgrade_A2(t *testing.T) {
	handshake := func(old, new string) string { return strings.Replace(goodHandshake, old, new, 1) }
	plain := start(t, withApp(switching), func(s *setup) { s.options.Fallback = "app" })
	routed := start(t, withApp(switching), withWebsockets(t), func(s *setup) { s.options.Fallback = "app" })
	for _, c := range []struct {
		name, line, headers string
		status              int // if the edge passes websockets to the application
		targets             int // if the edge handles websockets itself; 0: the same
	}{
		{"h2c", "GET / HTTP/1.1", "Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABkAAQAAP__\r\n", 200, 0},
		{"h2c with a body", "POST / HTTP/1.1", "Connection: Upgrade\r\nUpgrade: h2c\r\nContent-Length: 1\r\n\r\nx", 200, 0},
		{"TLS", "OPTIONS / HTTP/1.1", "Connection: upgrade\r\nUpgrade: TLS/1.0\r\n", 200, 0},
		{"h2c in two lines", "GET / HTTP/1.1", "Connection: keep-alive\r\nConnection: Upgrade\r\nUpgrade: h2c\r\nUpgrade: foo\r\n", 200, 0},
		{"no Connection token", "GET / HTTP/1.1", handshake("Connection: Upgrade\r\n", ""), 200, 0},
		{"HTTP/1.0", "GET / HTTP/1.0", goodHandshake, 200, 0},
		{"websocket/13", "GET / HTTP/1.1", handshake("websocket", "websocket/13"), 400, 404},
		{"a list", "GET / HTTP/1.1", handshake("websocket", "h2c, websocket"), 400, 404},
		{"a list in reverse order", "GET / HTTP/1.1", handshake("websocket", "websocket, h2c"), 400, 404},
		{"two lines", "GET / HTTP/1.1", "Upgrade: h2c\r\n" + goodHandshake, 400, 404},
		{"twice", "GET / HTTP/1.1", "Upgrade: websocket\r\n" + goodHandshake, 400, 404},
		{"version 8", "GET / HTTP/1.1", handshake("13", "8"), 426, 404},
		{"no version", "GET / HTTP/1.1", handshake("Sec-WebSocket-Version: 13\r\n", ""), 426, 404},
		{"no key", "GET / HTTP/1.1", handshake("Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n", ""), 400, 404},
		{"a short key", "GET / HTTP/1.1", handshake("dGhlIHNhbXBsZSBub25jZQ==", "eA=="), 400, 404},
		{"POST", "POST / HTTP/1.1", goodHandshake, 405, 404},
		{"a body", "GET / HTTP/1.1", goodHandshake + "Content-Length: 1\r\n\r\nx", 400, 404},
		{"another origin", "GET / HTTP/1.1", goodHandshake + "Origin: https://evil.example.net\r\n", 403, 404},
		{"a switch to another protocol", "GET /other HTTP/1.1", goodHandshake, 502, 404},
		{"an unrequested protocol switch", "GET /unasked HTTP/1.1", "", 502, 0},
		{"a handshake", "GET / HTTP/1.1", goodHandshake + "Origin: http://HOST\r\n", 101, 404},
	} {
		for _, host := range []string{"acme.example.com", "unknown.example.com"} {
			for which, w := range map[string]*world{"passed through": plain, "served by the edge": routed} {
				t.Run(c.name+", "+host+", "+which, func(t *testing.T) {
					want := c.status
					if w == routed && c.targets != 0 {
						want = c.targets
					}
					resp := w.raw(c.line + "\r\nHost: " + host + "\r\n" + strings.ReplaceAll(c.headers, "HOST", host) + "\r\n")
					if resp.StatusCode != want {
						t.Fatalf("status %d, expected %d", resp.StatusCode, want)
					}
					if want == http.StatusUpgradeRequired && resp.Header.Get("Sec-WebSocket-Version") != "13" {
						t.Errorf("426 without Sec-WebSocket-Version: %v", resp.Header)
					}
					if want != http.StatusOK {
						return
					}
					body, err := io.ReadAll(resp.Body)
					if err != nil {
						t.Fatal(err)
					}
					got := answer{resp, string(body)}.received(t)
					for _, name := range []string{"Upgrade", "Http2-Settings", "Connection"} {
						if values := got.Header[name]; values != nil {
							t.Errorf("the application got %s: %q", name, values)
						}
					}
				})
			}
		}
	}
}

func TestEmbeddersGetOnlyWebsocketUpgrades_A2(t *testing.T) {
	got := make(chan http.Header, 1)
	host, err := edge.New(t.Context(), edge.Config{
		GuestConfig:  abi.Config{Tenants: []abi.StaticTenant{{Schema: "www", Domains: []string{"www-site.example.com"}}}},
		CompileCache: compiled,
	})
	if err != nil {
		t.Fatal(err)
	}
	defer host.Close()
	handler := host.Middleware(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { got <- r.Header }))
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	srv := &http.Server{Handler: handler}
	go srv.Serve(l)
	defer srv.Close()
	c, err := net.Dial("tcp", l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	fmt.Fprint(c, "GET / HTTP/1.1\r\nHost: www-site.example.com\r\nConnection: Upgrade, keep-alive, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: x\r\n\r\n")
	if _, err := http.ReadResponse(bufio.NewReader(c), nil); err != nil {
		t.Fatal(err)
	}
	header := <-got
	if header["Upgrade"] != nil || header["Http2-Settings"] != nil || header.Get("Connection") != "keep-alive" {
		t.Errorf("the handler got %v", header)
	}
}

func TestTraceAndConnectAreRefused_A2(t *testing.T) {
	w := start(t)
	for line, want := range map[string]int{
		"TRACE / HTTP/1.1": 405, "CONNECT acme.example.com:443 HTTP/1.1": 400, "CONNECT / HTTP/1.1": 400,
	} {
		if resp := w.raw(line + "\r\nHost: acme.example.com\r\n\r\n"); resp.StatusCode != want {
			t.Errorf("%s: status %d, expected %d", line, resp.StatusCode, want)
		}
	}
}
