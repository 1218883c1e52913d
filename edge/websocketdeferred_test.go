package edge

import (
	"net/http"
	"sync/atomic"
	"testing"

	"github.com/tenantedge/tenantedge/edge/websocket"
)

func TestHandshakesThatArePassedOnAreServedByTheTargets(t *testing.T) {
	w := newSocketWorld(t, map[string]websocket.Handler{"room": stubHandler{}}, func(c *Config) {
		c.Websockets.Deferred = true
		c.Websockets.Targets["ws"]["room"] = websocket.Target{Handler: "room", Origins: []string{"listed.example.org"}}
	})
	var passed, unserved atomic.Int64
	w.server = serveSockets(w.host.Middleware(http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		passed.Add(1)
		if !w.host.ServeWebsocket(rw, r) {
			unserved.Add(1)
			rw.WriteHeader(http.StatusTeapot)
		}
	})))
	t.Cleanup(w.server.Close)
	for _, c := range []struct {
		name, host, path, origin string
		status                   int
		passed                   int64
	}{
		{"a route", "acme.example.com", "/room/a/1/", "http://acme.example.com", 101, 1},
		{"an origin of the route", "acme.example.com", "/room/a/1/", "http://listed.example.org", 101, 1},
		{"no route", "acme.example.com", "/other/", "http://acme.example.com", 404, 1},
		{"a foreign origin", "acme.example.com", "/room/a/1/", "http://evil.example.org", 403, 0},
		{"no tenant", "unknown.example.com", "/room/a/1/", "http://unknown.example.com", 404, 0},
	} {
		before := passed.Load()
		if status, _ := w.status(c.host, c.path, "Origin", c.origin); status != c.status {
			t.Errorf("%s: %d, expected %d", c.name, status, c.status)
		}
		if n := passed.Load() - before; n != c.passed {
			t.Errorf("%s: %d handshakes were passed on, expected %d", c.name, n, c.passed)
		}
	}
	r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, w.server.URL+"/room/a/1/", nil)
	if err != nil {
		t.Fatal(err)
	}
	r.Host = "acme.example.com"
	response, err := w.server.Client().Do(r)
	if err != nil {
		t.Fatal(err)
	}
	response.Body.Close()
	if response.StatusCode != http.StatusTeapot || unserved.Load() != 1 {
		t.Errorf("a request that is no handshake: %d, %d not served", response.StatusCode, unserved.Load())
	}
}
