package edge

import (
	"context"
	"net/http"
	"net/url"
	"testing"
	"time"

	"github.com/tenantedge/tenantedge/edge/websocket"
	"github.com/tenantedge/tenantedge/guest/abi"
	"github.com/tenantedge/tenantedge/tenantdb"
)

// newBenchServer starts a server with the targets of the benchmarks and returns its
// address: a handler in Go, one whose websockets are in a group, and a relay to an
// upstream that echoes.
func newBenchServer(t testing.TB) string {
	t.Helper()
	upstream := newEchoServer(t)
	return newBenchServerWith(t, upstream.url, func() { upstream.close(canceled()) })
}

func newBenchServerWith(t testing.TB, up *url.URL, after func()) string {
	t.Helper()
	h := newHost(t, func(c *Config) {
		c.Directory.Apply([]tenantdb.Change{{
			Tenant:  tenantdb.Tenant{ID: "3", Schema: "acme"},
			Domains: []tenantdb.Domain{{TenantID: "3", Domain: "acme.test", IsPrimary: true}},
		}})
		c.GuestConfig.Default.WSURLConf = "ws"
		table, targets := routes(func(name string) websocket.Target {
			if name == "relay" {
				return websocket.Target{Upstream: up}
			}
			return websocket.Target{Handler: name}
		}, "handler handler", "grouped grouped", "relay relay")
		c.GuestConfig.WSURLConfs = map[string][]abi.WSRoute{"ws": table}
		c.Websockets = websocket.Config{
			Targets: map[string]map[string]websocket.Target{"ws": targets}, WithoutOrigin: true,
			Handlers: map[string]websocket.Handler{"handler": stubHandler{}, "grouped": stubHandler{open: func(s *websocket.Conn) {
				_ = s.Groups().Add(context.Background(), "all")
			}}},
		}
	})
	server := serveSockets(h.Middleware(http.NotFoundHandler()))
	t.Cleanup(func() {
		server.Close()
		_ = h.Shutdown(canceled())
		after()
	})
	return server.Listener.Addr().String()
}

func TestAnEchoOfAHandlerOrARelayAllocatesNothing(t *testing.T) {
	address := newBenchServer(t)
	for _, target := range []string{"/handler", "/relay"} {
		v, status := handshake(t, address, "acme", target)
		if v == nil {
			t.Fatal(status)
		}
		echoAllocatesNothing(t, v)
	}
}

// BenchmarkWebsocketEcho compares the targets with a bare hub, in turns of a few
// milliseconds, so that other load on the machine affects all equally.
func BenchmarkWebsocketEcho(b *testing.B) {
	const conns, each = 100, 20
	bare := newEchoServer(b)
	b.Cleanup(func() { bare.close(canceled()) })
	address := newBenchServer(b)
	spent := map[string]time.Duration{}
	turns := map[string]func(){}
	for name, at := range map[string]string{"hub": bare.server.Listener.Addr().String(), "handler": address, "relay": address} {
		var all []*visitor
		for range conns {
			v, status := handshake(b, at, "acme", "/"+name)
			if v == nil {
				b.Fatal(status)
			}
			_ = v.SetDeadline(time.Time{})
			all = append(all, v)
		}
		turns[name] = turn(b, all, each, func(d time.Duration) { spent[name] += d })
	}
	for b.Loop() {
		for _, turn := range turns {
			turn()
		}
	}
	for name, d := range spent {
		b.ReportMetric(float64(b.N*conns*each)/d.Seconds(), name+"/s")
		b.ReportMetric(float64(spent["hub"])/float64(d), name+"/hub")
	}
}
