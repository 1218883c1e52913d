package edge

import (
	"bufio"
	"crypto/sha1"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"net/url"
	"strings"
	"testing"

	"github.com/tenantedge/tenantedge/edge/internal/sockets"
	"github.com/tenantedge/tenantedge/edge/websocket"
	"github.com/tenantedge/tenantedge/guest/abi"
)

// startUpstream starts an upstream and returns its URL. Its first message to a client
// describes the handshake; then it echoes. It rejects paths that contain "reject".
func startUpstream(t *testing.T) *url.URL {
	t.Helper()
	hub, err := sockets.New(sockets.Config{})
	if err != nil {
		t.Fatal(err)
	}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if strings.Contains(r.URL.Path, "reject") {
			w.Header().Set("X-Accel-Redirect", "/private")
			w.Header().Set("Www-Authenticate", "Basic")
			w.WriteHeader(http.StatusUnauthorized)
			fmt.Fprint(w, "who are you?")
			return
		}
		request, _ := json.Marshal(map[string]any{"host": r.Host, "uri": r.RequestURI, "header": r.Header})
		_, _ = hub.Accept(w, r, sockets.Options{
			Tenant: "any", Handler: upstreamEcho{request}, Protocols: []string{"two"}, AllowOrigin: func(sockets.Origin) bool { return true },
			Header: http.Header{"Set-Cookie": {"seen=1"}, "X-Sendfile": {"/etc/passwd"}},
		})
	}))
	t.Cleanup(func() {
		server.Close()
		_ = hub.Shutdown(t.Context()) // the context has ended, so websockets are dropped
	})
	u, err := url.Parse(server.URL)
	if err != nil {
		t.Fatal(err)
	}
	return u
}

type upstreamEcho struct{ first []byte }

func (e upstreamEcho) Open(c *sockets.Conn)                                 { _ = c.Send(sockets.Text, e.first) }
func (upstreamEcho) Message(c *sockets.Conn, op sockets.Op, payload []byte) { _ = c.Send(op, payload) }
func (upstreamEcho) Closed(*sockets.Conn, sockets.Code, string)             {}

// upstreamRequest is the handshake that an upstream received.
type upstreamRequest struct {
	Host, URI string
	Header    http.Header
}

// receivedBy returns the handshake that the upstream of c received.
func receivedBy(t *testing.T, c *sockets.Client) (got upstreamRequest) {
	t.Helper()
	_, text, err := c.Read()
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(text, &got); err != nil {
		t.Fatal(err)
	}
	return got
}

func newRelayWorld(t *testing.T, change func(*Config)) *socketWorld {
	up := startUpstream(t)
	inner := *up
	inner.Path = "/base/"
	down, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	down.Close()
	return newSocketWorld(t, nil, func(c *Config) {
		table, targets := routes(func(name string) websocket.Target {
			return map[string]websocket.Target{
				"original": {Upstream: up},
				"inner":    {Upstream: &inner, Inner: true, OwnHost: true},
				"reject":   {Upstream: up},
				"down":     {Upstream: &url.URL{Scheme: "ws", Host: down.Addr().String()}},
			}[name]
		}, "<path:any>/original original", "<path:any>/inner inner", "reject reject", "down down")
		c.GuestConfig.WSURLConfs = map[string][]abi.WSRoute{"ws": table}
		c.Websockets = websocket.Config{Targets: map[string]map[string]websocket.Target{"ws": targets}}
		if change != nil {
			change(c)
		}
	})
}

func TestAnUpstreamGetsTheTenantAndNothingForged(t *testing.T) {
	w := newRelayWorld(t, nil)
	c := w.open("shared.example.com", "/two/a%20b/original?x=1;y", "Sec-Websocket-Protocol", "one, two",
		"Tenant", "t1", "X_identifier", "t1", "X-Forwarded-For", "203.0.113.7", "X-Forwarded-Proto", "https", "Forwarded", "for=203.0.113.7",
		"Cookie", "session=1", "Connection", "Upgrade, X-Hop", "X-Hop", "1")
	got := receivedBy(t, c)
	if got.Host != "shared.example.com" || got.URI != "/two/a%20b/original?x=1;y" {
		t.Errorf("the upstream received a request for %s of %s", got.URI, got.Host)
	}
	for name, want := range map[string]string{
		"Tenant": "t2", "X-Folder": "two", "X-Routing": "domain", "X-Identifier": "t2", "Cookie": "session=1",
		"Origin": "http://shared.example.com", "X-Forwarded-For": "127.0.0.1", "X-Forwarded-Host": "shared.example.com", "X-Forwarded-Proto": "http",
		"X_identifier": "", "Forwarded": "", "Keep-Alive": "",
	} {
		if values := got.Header[name]; want == "" && values != nil || want != "" && (len(values) != 1 || values[0] != want) {
			t.Errorf("%s is %q, expected %q", name, values, want)
		}
	}
	if c.Protocol() != "two" || c.Header().Get("Set-Cookie") != "seen=1" || c.Header().Get("X-Sendfile") != "" {
		t.Errorf("the client got the subprotocol %q and %v", c.Protocol(), c.Header())
	}
	sends(t, c, "hello")
	receives(t, c, "hello")
	if err := c.Close(3000, "enough"); err != nil {
		t.Fatal(err)
	}
	isClosed(t, c, 3000)
}

func TestAnUpstreamMaySeeThePathOfTheTenant(t *testing.T) {
	w := newRelayWorld(t, func(c *Config) { c.TrustedPeers = []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")} })
	got := receivedBy(t, w.open("shared.example.com", "/two/a%2Fb/inner", "X-Forwarded-For", "203.0.113.7", "X-Forwarded-Proto", "https", "X-Forwarded-Prefix", "/front"))
	if got.URI != "/base/a%2Fb/inner" || got.Host == "shared.example.com" {
		t.Errorf("the upstream received a request for %s of %s", got.URI, got.Host)
	}
	for name, want := range map[string]string{"X-Forwarded-For": "203.0.113.7, 127.0.0.1", "X-Forwarded-Proto": "https", "X-Forwarded-Prefix": "/front/two"} {
		if got.Header.Get(name) != want {
			t.Errorf("%s is %q, expected %q", name, got.Header.Get(name), want)
		}
	}
}

func TestAnUpstreamsRejectionIsPassedOn(t *testing.T) {
	w := newRelayWorld(t, nil)
	u := w.server.URL + "/reject"
	r, err := http.NewRequest(http.MethodGet, u, nil)
	if err != nil {
		t.Fatal(err)
	}
	r.Host = "acme.example.com"
	r.Header = http.Header{
		"Connection": {"Upgrade"}, "Upgrade": {"websocket"}, "Sec-Websocket-Version": {"13"},
		"Sec-Websocket-Key": {"dGhlIHNhbXBsZSBub25jZQ=="}, "Origin": {"http://acme.example.com"},
	}
	answer, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	body, _ := io.ReadAll(answer.Body)
	if answer.StatusCode != http.StatusUnauthorized || string(body) != "who are you?" ||
		answer.Header.Get("Www-Authenticate") != "Basic" || answer.Header.Get("X-Accel-Redirect") != "" {
		t.Errorf("the client got %d %q with %v", answer.StatusCode, body, answer.Header)
	}
	status, text := w.status("acme.example.com", "/down")
	if status != http.StatusBadGateway || strings.Contains(text, "127.0.0.1") {
		t.Errorf("an unreachable upstream resulted in status %d %q", status, text)
	}
	if s := w.host.WebsocketStats(); s.Upstreams != 0 || s.Tenants != 0 || s.Rejected != 2 {
		t.Errorf("the statistics are %+v", s)
	}
}

// TestHeadsOfWebsocketUpstreamsAreBounded_G9 checks that the head of an upstream's
// answer to a handshake has the same bounds as that of an answer to a request.
func TestHeadsOfWebsocketUpstreamsAreBounded_G9(t *testing.T) {
	const switching = "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
	fill := func(size int) string { return strings.Repeat("X-Big: "+strings.Repeat("x", 1000)+"\r\n", size/1009) }
	for _, c := range []struct {
		name, head string
		bytes      int64
		fields     int
		want       int
	}{
		{"a head of usual size", switching, 0, 0, 101},
		{"a head below the limit", switching + fill(60<<10), 0, 0, 101},
		{"a head above the limit", switching + fill(70<<10), 0, 0, 502},
		{"a head without end", switching + fill(8<<20), 0, 0, 502},
		{"a line without end", switching + "X-Big: " + strings.Repeat("x", 8<<20), 0, 0, 502},
		{"a status line without end", "HTTP/1.1 101 " + strings.Repeat("x", 8<<20), 0, 0, 502},
		{"many fields", switching + strings.Repeat("a: b\r\n", 501), 0, 0, 502},
		{"interim heads without end", strings.Repeat("HTTP/1.1 103 Early Hints\r\n\r\n", 3000) + switching, 0, 0, 502},
		{"an interim head with many fields", "HTTP/1.1 103 Early Hints\r\n" + strings.Repeat("a: b\r\n", 501) + "\r\n" + switching, 0, 0, 502},
		{"a rejection above the limit", "HTTP/1.1 403 Forbidden\r\n" + fill(70<<10), 0, 0, 502},
		{"a rejection with many fields", "HTTP/1.1 403 Forbidden\r\n" + strings.Repeat("a: b\r\n", 501), 0, 0, 502},
		{"a head below a larger limit", switching + fill(70<<10), 128 << 10, 0, 101},
		{"a head above a smaller limit", switching + fill(9<<10), 8 << 10, 0, 502},
		{"many fields below a larger limit", switching + strings.Repeat("a: b\r\n", 501), 0, 600, 101},
		{"many fields above a smaller limit", switching + strings.Repeat("a: b\r\n", 20), 0, 10, 502},
	} {
		t.Run(c.name, func(t *testing.T) {
			upstream := answersHandshakes(t, c.head)
			w := newSocketWorld(t, map[string]websocket.Handler{"echo": stubHandler{}}, func(config *Config) {
				config.Websockets.Targets["ws"]["echo"] = websocket.Target{Upstream: upstream}
				config.Websockets.Limits.AnswerHeaderBytes, config.Websockets.Limits.AnswerHeaders = c.bytes, c.fields
			})
			if status, _ := w.status("acme.example.com", "/echo/a/1/"); status != c.want {
				t.Errorf("status %d, expected %d", status, c.want)
			}
		})
	}
}

// TestHeadsOfWebsocketUpstreamsAreCleaned_A6 checks that headers for servers and
// hop-by-hop headers do not reach the client, and that no header is added.
func TestHeadsOfWebsocketUpstreamsAreCleaned_A6(t *testing.T) {
	const fields = "X-Accel-Redirect: secret\r\nX_Accel_Redirect: secret\r\nX-Accel-Buffering: secret\r\nX_Sendfile: secret\r\nX-Lighttpd-Send-File: secret\r\n" +
		"Keep-Alive: secret\r\nProxy-Authenticate: secret\r\nX-Hop: secret\r\nX-Own: kept\r\n"
	for name, c := range map[string]struct{ head, want, body string }{
		"a switch":                               {"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade, X-Hop\r\n" + fields, " 101 ", ""},
		"a rejection":                            {"HTTP/1.1 403 Forbidden\r\nConnection: X-Hop\r\nContent-Length: 5\r\n" + fields + "\r\n<html", " 403 ", "<html"},
		"a chunked rejection":                    {"HTTP/1.1 403 Forbidden\r\nConnection: X-Hop\r\nTransfer-Encoding: chunked\r\n" + fields + "\r\n5\r\n<html\r\n0\r\n\r\n", " 403 ", "<html"},
		"a rejection that closes the connection": {"HTTP/1.1 403 Forbidden\r\nConnection: close, X-Hop\r\nContent-Length: 5\r\n" + fields + "\r\n<html", " 403 ", "<html"},
		"a truncated rejection":                  {"HTTP/1.1 403 Forbidden\r\nConnection: X-Hop\r\nTransfer-Encoding: chunked\r\n" + fields + "\r\n50\r\n<html", "", ""},
	} {
		t.Run(name, func(t *testing.T) {
			upstream := answersHandshakes(t, c.head)
			w := newSocketWorld(t, map[string]websocket.Handler{"echo": stubHandler{}}, func(config *Config) {
				config.Websockets.Targets["ws"]["echo"] = websocket.Target{Upstream: upstream}
			})
			conn, err := net.Dial("tcp", w.server.Listener.Addr().String())
			if err != nil {
				t.Fatal(err)
			}
			defer conn.Close()
			_, _ = io.WriteString(conn, "GET /echo/a/1/ HTTP/1.1\r\nHost: acme.example.com\r\nOrigin: http://acme.example.com\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"+
				"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n")
			answer, err := http.ReadResponse(bufio.NewReader(conn), nil)
			if c.want == "" {
				if err == nil {
					_, err = io.ReadAll(answer.Body)
				}
				if err == nil {
					t.Error("a truncated rejection looks complete")
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			var head strings.Builder
			_ = answer.Header.Write(&head)
			if !strings.Contains(" "+answer.Status, c.want) || strings.Contains(head.String(), "secret") || answer.Header.Get("X-Own") != "kept" || answer.Header["Content-Type"] != nil {
				t.Errorf("the client got %s with %q", answer.Status, head.String())
			}
			if body := make([]byte, len(c.body)); c.body != "" {
				if _, err := io.ReadFull(answer.Body, body); err != nil || string(body) != c.body {
					t.Errorf("the client got %q, %v", body, err)
				}
			}
		})
	}
}

// answersHandshakes starts an upstream that answers every handshake with head and the
// Sec-WebSocket-Accept of its key.
func answersHandshakes(t *testing.T, head string) *url.URL {
	t.Helper()
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		conn, _, err := http.NewResponseController(w).Hijack()
		if err != nil {
			t.Error(err)
			return
		}
		defer conn.Close()
		sum := sha1.Sum([]byte(r.Header.Get("Sec-Websocket-Key") + "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"))
		_, _ = fmt.Fprintf(conn, "%sSec-WebSocket-Accept: %s\r\n\r\n", head, base64.StdEncoding.EncodeToString(sum[:])) // the edge may close first
	}))
	t.Cleanup(s.Close)
	u, err := url.Parse(s.URL)
	if err != nil {
		t.Fatal(err)
	}
	return u
}
