package serve

import (
	"crypto/tls"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/tenantedge/tenantedge/edge/config"
	"github.com/tenantedge/tenantedge/edge/internal/sockets"
	"github.com/tenantedge/tenantedge/edge/internal/sockets/autobahn"
	"github.com/tenantedge/tenantedge/edge/websocket"
	"github.com/tenantedge/tenantedge/guest/abi"
	"github.com/tenantedge/tenantedge/tenantdb"
)

// echoes is a websocket handler that sends back every message.
type echoes struct{}

func (echoes) Connect(*websocket.Request) (websocket.Consumer, error) { return echoes{}, nil }
func (echoes) Open(*websocket.Conn)                                   {}
func (echoes) Message(s *websocket.Conn, kind websocket.Kind, payload []byte) {
	_ = s.Send(kind, payload)
}
func (echoes) Closed(*websocket.Conn, int, string) {}

// withWebsockets serves echo/ with echoes, and relay/ with an upstream that does
// the same.
func withWebsockets(t *testing.T) func(*setup) {
	behind, err := sockets.New(sockets.Config{})
	if err != nil {
		t.Fatal(err)
	}
	app := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, _ = behind.Accept(w, r, sockets.Options{Tenant: r.Header.Get("Tenant"), Handler: upstreamEcho{}})
	}))
	t.Cleanup(func() {
		app.Close()
		if err := behind.Shutdown(t.Context()); err != nil {
			t.Log(err) // the test's context has ended: the websockets are dropped
		}
	})
	u, err := url.Parse(app.URL)
	if err != nil {
		t.Fatal(err)
	}
	echo, relay := "echo/", "relay/"
	return func(s *setup) {
		s.edge.GuestConfig.Default.WSURLConf = "ws"
		s.edge.GuestConfig.WSURLConfs = map[string][]abi.WSRoute{"ws": {{Path: &echo, Name: "echo"}, {Path: &relay, Name: "relay"}}}
		s.edge.Websockets = websocket.Config{
			Targets:  map[string]map[string]websocket.Target{"ws": {"echo": {Handler: "echo"}, "relay": {Upstream: u}}},
			Handlers: map[string]websocket.Handler{"echo": echoes{}},
		}
	}
}

type upstreamEcho struct{}

func (upstreamEcho) Open(*sockets.Conn) {}
func (upstreamEcho) Message(c *sockets.Conn, op sockets.Op, payload []byte) {
	_ = c.Send(op, payload)
}
func (upstreamEcho) Closed(*sockets.Conn, sockets.Code, string) {}

// websocket opens one for acme.
func (w *world) websocket(path string, headers ...string) (*sockets.Upstream, error) {
	w.Helper()
	return w.websocketTo("acme.example.com", path, headers...)
}

// websocketTo opens one for a host.
func (w *world) websocketTo(host, path string, headers ...string) (*sockets.Upstream, error) {
	w.Helper()
	scheme := "ws"
	if len(w.server.now().options.Listeners[0].TLS) > 0 {
		scheme = "wss"
	}
	header := http.Header{"Origin": {"https://" + host}}
	for i := 0; i < len(headers); i += 2 {
		header.Set(headers[i], headers[i+1])
	}
	dialer := &sockets.Dialer{HandshakeTimeout: patience, TLS: &tls.Config{InsecureSkipVerify: true, ServerName: host}}
	up, err := dialer.Dial(w.Context(), &http.Request{
		URL: &url.URL{Scheme: scheme, Host: w.addr(), Path: path}, Host: host, Header: header,
	})
	if err != nil {
		return nil, err
	}
	conn, _ := up.Stream()
	_ = conn.SetDeadline(time.Now().Add(patience))
	w.Cleanup(func() { _ = up.Close() })
	return up, nil
}

func (w *world) client(path string) *sockets.Client {
	w.Helper()
	up, err := w.websocket(path)
	if err != nil {
		w.Fatal(err)
	}
	return sockets.NewClient(up, 1<<20)
}

func withTLS(t *testing.T) func(*setup) {
	c := newCertificate(t, "acme.example.com")
	return func(s *setup) {
		s.options.Listeners = []config.Listener{{Address: "127.0.0.1:0", H2: true, TLS: []config.Certificate{c.pair}}}
	}
}

func TestAutobahnThroughTheEdge(t *testing.T) {
	cases, err := autobahn.Cases()
	if err != nil {
		t.Fatal(err)
	}
	for name, w := range map[string]*world{"plain": start(t, withWebsockets(t)), "TLS": start(t, withWebsockets(t), withTLS(t))} {
		for _, path := range []string{"/echo/", "/relay/"} {
			t.Run(name+path, func(t *testing.T) {
				for _, c := range cases {
					up, err := w.websocket(path)
					if err != nil {
						t.Fatal(err)
					}
					if err := c.Replay(up.Stream()); err != nil {
						t.Errorf("case %s: %v", c.ID, err)
					}
					_ = up.Close()
				}
			})
		}
	}
}

func TestIdleWebsocketsNeedNoGoroutinesWherePossible(t *testing.T) {
	for name, w := range map[string]*world{"plain": start(t, withWebsockets(t)), "TLS": start(t, withWebsockets(t), withTLS(t))} {
		for _, path := range []string{"/echo/", "/relay/"} {
			c := w.client(path)
			if err := c.Write(sockets.Text, []byte("hello")); err != nil {
				t.Fatal(err)
			}
			if _, got, err := c.Read(); err != nil || string(got) != "hello" {
				t.Fatalf("%s %s: read %q, %v", name, path, got, err)
			}
		}
		if s := w.server.Host().WebsocketStats(); s.Polled+s.Goroutines != 3 || s.Upstreams != 1 || runtime.GOOS == "linux" && s.Goroutines > 0 {
			t.Errorf("%s: counted as %+v", name, s)
		}
		page, err := noRedirects.Get("http://" + w.server.AdminAddr().String() + "/metrics")
		if err != nil {
			t.Fatal(err)
		}
		text, err := io.ReadAll(page.Body)
		page.Body.Close()
		if err != nil || !strings.Contains(string(text), `tenantedge_websocket_handshakes_total{result="accepted"} 2`) {
			t.Errorf("/metrics: %v\n%s", err, text)
		}
	}
}

func TestAHandshakeIsLoggedWithItsTenant(t *testing.T) {
	w := start(t, withWebsockets(t), func(s *setup) { s.options.AccessLog = true })
	logged := func(n int) {
		w.eventually("it is logged", func() bool { return len(w.logs.entries("access")) == n })
	}
	w.client("/echo/")
	logged(1) // the record may come after the answer
	var refused *sockets.StatusError
	if _, err := w.websocket("/echo/", "Origin", "https://evil.example.net"); !errors.As(err, &refused) || refused.Response.StatusCode != http.StatusForbidden {
		t.Errorf("another origin gets %v", err)
	} else {
		refused.Response.Body.Close()
	}
	logged(2)
	for i, want := range []struct {
		status float64
		reason any
	}{{101, nil}, {403, "origin is not allowed"}} {
		if e := w.logs.entries("access")[i]; e["status"] != want.status || e["tenant"] != "acme" || e["reason"] != want.reason {
			t.Errorf("logged %v, expected %v of acme", e, want)
		}
	}
}

func TestAShutdownClosesWebsocketsWith1001Immediately_G10(t *testing.T) {
	h := newBlockingApp()
	w := start(t, withApp(h.ServeHTTP), withWebsockets(t))
	clients := []*sockets.Client{w.client("/echo/"), w.client("/relay/")}
	answers := w.startRequest(h)
	w.end()
	for _, c := range clients {
		var closed *sockets.CloseError
		if _, got, err := c.Read(); !errors.As(err, &closed) || closed.Code != sockets.CodeGoingAway {
			t.Errorf("with a request in progress, a websocket read %q, %v, expected 1001", got, err)
		}
		_ = c.Drop()
	}
	close(h.release)
	if got := <-answers; got != "done" {
		t.Errorf("the request in progress got %q", got)
	}
	if err := <-w.ended; err != nil {
		t.Errorf("the shutdown ended with %v", err)
	}
}

func TestW4ATunnelEndsWithItsTenant(t *testing.T) {
	var directory *tenantdb.Directory
	w := start(t, withApp(uppercaseEcho), func(s *setup) { directory = s.edge.Directory })
	c, in := w.upgrade()
	began := time.Now()
	directory.Apply([]tenantdb.Change{{Tenant: tenantdb.Tenant{ID: "1"}, Removed: true}})
	if rest, err := io.ReadAll(in); string(rest) != "\x88\x02\x03\xf0" {
		t.Errorf("read %q, %v, expected 1008", rest, err)
	}
	if took := time.Since(began); took > 5*time.Second {
		t.Errorf("closed after %v, expected at most 5 s", took)
	}
	_ = c.Close()
}
