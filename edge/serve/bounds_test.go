package serve

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/tenantedge/tenantedge/edge/config"
)

func TestTheLimitsFollowFromTheDescriptors_A9(t *testing.T) {
	for _, c := range []struct {
		descriptors int
		want        bounds
	}{
		{300, bounds{connections: 112, share: 56, websockets: 84, idle: 37}},
		{1024, bounds{connections: 384, share: 192, websockets: 288, idle: 128}},
		{20000, bounds{connections: 7500, share: 3750, websockets: 5625, idle: 2500}},
		{1 << 20, bounds{connections: 393216, share: 196608, websockets: 294912, idle: 131072}},
		{64, bounds{connections: 16, share: 8, websockets: 12, idle: 32}},
	} {
		if got := newBounds(0, 0, 0, c.descriptors); got != c.want {
			t.Errorf("with %d descriptors: %+v, expected %+v", c.descriptors, got, c.want)
		}
	}
	if got := newBounds(10, 9, 8, 1024); got.connections != 10 || got.share != 9 || got.websockets != 0 {
		t.Errorf("with configured limits: %+v", got)
	}
}

// dialAndSend opens a connection and writes text to it.
func (w *world) dialAndSend(text string) (net.Conn, *bufio.Reader) {
	w.Helper()
	c, err := net.Dial("tcp", w.addr())
	if err != nil {
		w.Fatal(err)
	}
	w.Cleanup(func() { c.Close() })
	if err := c.SetDeadline(time.Now().Add(patience)); err != nil {
		w.Fatal(err)
	}
	if _, err := io.WriteString(c, text); err != nil {
		w.Fatal(err)
	}
	return c, bufio.NewReader(c)
}

func status(t *testing.T, in *bufio.Reader) int {
	t.Helper()
	resp, err := http.ReadResponse(in, nil)
	if err != nil {
		t.Fatal(err)
	}
	_, _ = io.Copy(io.Discard, resp.Body)
	return resp.StatusCode
}

// metric returns a line of /metrics.
func (w *world) metric(name string) string {
	w.Helper()
	resp, err := noRedirects.Get("http://" + w.server.AdminAddr().String() + "/metrics")
	if err != nil {
		w.Fatal(err)
	}
	defer resp.Body.Close()
	for in := bufio.NewScanner(resp.Body); in.Scan(); {
		if value, ok := strings.CutPrefix(in.Text(), name+" "); ok {
			return value
		}
	}
	return ""
}

// Clients that send or read nothing use up only their tenant's share of requests.
// Other tenants are served.
func TestSlowClientsOfATenantTakeOnlyItsShare_A9(t *testing.T) {
	for name, request := range map[string]string{
		"uploads": "POST / HTTP/1.1\r\nHost: acme.example.com\r\nContent-Length: 1000\r\n\r\nx",
		"readers": "GET /large HTTP/1.1\r\nHost: acme.example.com\r\n\r\n",
	} {
		t.Run(name, func(t *testing.T) {
			w := start(t, func(s *setup) {
				s.options.Limits.Connections, s.options.Limits.TenantRequests, s.options.Limits.BodyTimeout = 100, 20, patience
				s.app = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
					if r.URL.Path == "/large" {
						_, _ = io.CopyN(w, endless{}, 64<<20)
						return
					}
					echo(w, r)
				})
			})
			for range 20 {
				w.dialAndSend(request)
			}
			w.eventually("the share is used up", func() bool {
				w.server.shares.mu.Lock()
				defer w.server.shares.mu.Unlock()
				return w.server.shares.total == 20
			})
			for range 30 {
				_, in := w.dialAndSend(request)
				if got := status(t, in); got != http.StatusServiceUnavailable {
					t.Fatalf("beyond the share: %d, expected 503", got)
				}
			}
			for range 5 {
				if a := w.get("umbra.example.com", "/"); a.StatusCode != http.StatusOK {
					t.Errorf("another tenant got %d", a.StatusCode)
				}
			}
			if got := w.metric(`tenantedge_requests_over_limit_total{limit="tenant"}`); got != "30" {
				t.Errorf("%s were counted, expected 30", got)
			}
		})
	}
}

// endless is an endless source of zeros.
type endless struct{}

func (endless) Read(p []byte) (int, error) { return len(p), nil }

// New connections replace those that wait for a request, the longest first.
func TestIdleConnectionsAreClosedForNewOnes_A9(t *testing.T) {
	w := start(t, func(s *setup) { s.options.Limits.Connections = 8 })
	first, in := w.dialAndSend("GET / HTTP/1.1\r\nHost: acme.example.com\r\n\r\n")
	if got := status(t, in); got != http.StatusOK {
		t.Fatalf("status %d", got)
	}
	w.eventually("the connection waits", func() bool { _, waiting := w.server.connections.count(); return waiting == 1 })
	for range 30 {
		w.dialAndSend("")
	}
	if got := w.get("umbra.example.com", "/"); got.StatusCode != http.StatusOK {
		t.Errorf("a new client got %d", got.StatusCode)
	}
	if _, err := first.Read(make([]byte, 1)); !errors.Is(err, io.EOF) && !strings.Contains(fmt.Sprint(err), "reset") {
		t.Errorf("the connection that waited longest read %v, expected EOF", err)
	}
	if open, _ := w.server.connections.count(); open > 8 {
		t.Errorf("%d connections are open", open)
	}
	if got := w.metric(`tenantedge_connections_closed_total{reason="evicted"}`); got == "0" || got == "" {
		t.Errorf("%q were counted", got)
	}
	if n := len(w.logs.entries("limits.connections is reached: waiting connections are closed to make room for new ones")); n != 1 {
		t.Errorf("the limit was logged %d times, expected once", n)
	}
}

// A websocket that the edge handles counts half as much as one with an upstream,
// in the tenant's share and in the total.
func TestWebsocketsCountByTheirDescriptors_A9(t *testing.T) {
	for path, limit := range map[string]int{"/echo/": 6, "/relay/": 3} {
		t.Run(path, func(t *testing.T) {
			w := start(t, withWebsockets(t), func(s *setup) { s.options.Limits.Connections = 8 })
			for range limit {
				if _, err := w.websocket(path); err != nil {
					t.Fatal(err)
				}
			}
			if _, err := w.websocket(path); err == nil {
				t.Errorf("%d are open, expected %d", limit+1, limit)
			}
			w.eventually("they take three connections", func() bool {
				connections, requests := w.server.websocketUsage()
				return connections == 3 && requests == 3
			})
		})
	}
}

func TestAConfiguredNumberOfWebsocketsIsNotAShare_A9(t *testing.T) {
	w := start(t, withWebsockets(t), func(s *setup) {
		s.options.Limits.Connections, s.edge.Websockets.Limits.Connections = 16, 7
	})
	for range 7 {
		if _, err := w.websocket("/relay/"); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := w.websocket("/echo/"); err == nil {
		t.Error("more connections are open than are configured")
	}
}

func TestABusyConnectionIsNeverClosedForANewOne_A9(t *testing.T) {
	h := newBlockingApp()
	w := start(t, withApp(h.ServeHTTP), func(s *setup) { s.options.Limits.Connections, s.options.Limits.TenantRequests = 4, 4 })
	var answers []<-chan string
	for range 4 {
		answers = append(answers, w.startRequest(h))
	}
	_, in := w.dialAndSend("")
	if b, err := in.ReadByte(); err == nil {
		t.Errorf("a new connection read %q, expected EOF", b)
	}
	close(h.release)
	for _, a := range answers {
		if got := <-a; got != "done" {
			t.Errorf("a request in progress got %q", got)
		}
	}
	w.eventually("there is room", func() bool { open, _ := w.server.connections.count(); return open < 4 })
	if got := w.metric(`tenantedge_connections_closed_total{reason="refused"}`); got != "1" {
		t.Errorf("%q were counted", got)
	}
}

// Streams of one HTTP/2 connection count as requests.
func TestStreamsCountAsRequests_A9(t *testing.T) {
	h := newBlockingApp()
	w := start(t, withApp(func(rw http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/held" {
			h.ServeHTTP(rw, r)
		}
	}), h2c, func(s *setup) { s.options.Limits.TenantRequests = 2 })
	client := w.h2Client()
	get := func(path string) int {
		resp, err := client.Do(w.request(http.MethodGet, "acme.example.com", path))
		if err != nil {
			t.Error(err)
			return 0
		}
		resp.Body.Close()
		return resp.StatusCode
	}
	ended := make(chan int)
	for range 2 {
		go func() { ended <- get("/held") }()
		<-h.arrived
	}
	if got := get("/"); got != http.StatusServiceUnavailable {
		t.Errorf("a third stream got %d, expected 503", got)
	}
	close(h.release)
	for range 2 {
		if got := <-ended; got != http.StatusOK {
			t.Errorf("a stream got %d", got)
		}
	}
}

func h2c(s *setup) { s.options.Listeners = []config.Listener{{Address: "127.0.0.1:0", H2C: true}} }

func (w *world) h2Client() *http.Client {
	transport := &http.Transport{Protocols: new(http.Protocols)}
	transport.Protocols.SetUnencryptedHTTP2(true)
	w.Cleanup(transport.CloseIdleConnections)
	return &http.Client{Transport: transport, Timeout: patience}
}

// pacedMedia starts a world with short time limits for clients, with an
// application, media and uploads.
func pacedMedia(t *testing.T, short time.Duration, app http.HandlerFunc) *mediaWorld {
	return startMedia(t, withApp(app), h2c, uploadsFor(config.AccessPublic), func(s *setup) {
		media := s.options.URLConfs["app"]
		media.Uploads.Timeout = short
		s.options.URLConfs = map[string]config.URLConf{"media": media, "app": {}}
		s.edge.GuestConfig.Tenants[0].URLConf = "media" // www
		s.options.Limits.BodyTimeout, s.options.Limits.AnswerTimeout, s.options.Limits.MinRate = short, short, 1<<40
	})
}

func TestASlowBodyIsA408OnEveryRoute_A9(t *testing.T) {
	w := pacedMedia(t, 50*time.Millisecond, echo)
	for name, c := range map[string]struct{ method, host, path string }{
		"an upstream": {"POST", "acme.example.com", "/"},
		"an upload":   {"PUT", "www-site.example.com", "/media/www/new.txt"},
	} {
		t.Run(name, func(t *testing.T) {
			_, in := w.dialAndSend(fmt.Sprintf("%s %s HTTP/1.1\r\nHost: %s\r\nContent-Length: 10\r\n\r\nx", c.method, c.path, c.host))
			if got := status(t, in); got != http.StatusRequestTimeout {
				t.Errorf("HTTP/1.1: %d, expected 408", got)
			}
			if _, err := in.ReadByte(); err == nil {
				t.Error("the connection stays open")
			}
			r := w.request(c.method, c.host, c.path)
			body, end := io.Pipe()
			defer end.Close()
			r.Body, r.ContentLength = body, 10
			resp, err := w.h2Client().Do(r)
			if err != nil {
				t.Fatal(err)
			}
			resp.Body.Close()
			if resp.StatusCode != http.StatusRequestTimeout {
				t.Errorf("HTTP/2: %d, expected 408", resp.StatusCode)
			}
		})
	}
	// A request may be answered before the read of its body returns.
	w.eventually("all four are counted", func() bool { return w.metric(`tenantedge_slow_clients_total{transfer="body"}`) == "4" })
	w.eventually("the two proxied ones are counted", func() bool { return w.metric(`tenantedge_proxy_client_failures_total{reason="slow"}`) == "2" })
}

func TestAClientThatDoesNotReadIsDisconnectedOnEveryRoute_A9(t *testing.T) {
	w := pacedMedia(t, 50*time.Millisecond, func(w http.ResponseWriter, _ *http.Request) { _, _ = io.CopyN(w, endless{}, 64<<20) })
	large := filepath.Join(w.location, "www/large")
	if err := errors.Join(os.WriteFile(large, nil, 0o600), os.Truncate(large, 64<<20)); err != nil {
		t.Fatal(err)
	}
	late := uint64(0)
	for name, c := range map[string]struct{ host, path string }{
		"an upstream":     {"acme.example.com", "/"},
		"a tenant's file": {"www-site.example.com", "/media/www/large"},
	} {
		t.Run(name, func(t *testing.T) {
			w.dialAndSend(fmt.Sprintf("GET %s HTTP/1.1\r\nHost: %s\r\n\r\n", c.path, c.host))
			late++
			w.eventually("the HTTP/1.1 client is disconnected", func() bool { return w.server.slow.answer.Load() == late && w.server.generations.requests() == 0 })
			resp, err := w.h2Client().Do(w.request("GET", c.host, c.path))
			if err != nil {
				t.Fatal(err)
			}
			late++
			w.eventually("the HTTP/2 client is disconnected", func() bool { return w.server.slow.answer.Load() == late && w.server.generations.requests() == 0 })
			resp.Body.Close()
		})
	}
}

// The time limits of clients do not apply to slow upstreams and idle websockets.
func TestOnlyTheClientsTimeIsLimited_A9(t *testing.T) {
	next := make(chan struct{})
	w := pacedMedia(t, 2*time.Second, func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("Upgrade") != "" {
			uppercaseEcho(w, r)
			return
		}
		for range 2 {
			<-next
			_, _ = io.WriteString(w, "event\n")
			_ = http.NewResponseController(w).Flush()
		}
	})
	c, words := w.upgrade()
	for name, client := range map[string]*http.Client{"HTTP/1.1": noRedirects, "HTTP/2": w.h2Client()} {
		t.Run(name, func(t *testing.T) {
			go func() {
				next <- struct{}{}
				<-time.After(3 * time.Second) // longer than the limit
				next <- struct{}{}
			}()
			resp, err := client.Do(w.request("GET", "acme.example.com", "/"))
			if err != nil {
				t.Fatal(err)
			}
			defer resp.Body.Close()
			if got, err := io.ReadAll(resp.Body); !bytes.Equal(got, []byte("event\nevent\n")) || err != nil {
				t.Errorf("read %q, %v", got, err)
			}
		})
	}
	if _, err := io.WriteString(c, "still here\n"); err != nil {
		t.Fatal(err)
	}
	if got, err := words.ReadString('\n'); got != "STILL HERE\n" {
		t.Errorf("the websocket read %q, %v", got, err)
	}
}
