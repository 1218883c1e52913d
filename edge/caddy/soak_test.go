package tenantedge_test

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/gobwas/ws"
	"github.com/gobwas/ws/wsutil"
)

// soak reports whether the long form of a test runs; see `make caddy-soak`.
var soak = os.Getenv("TENANTEDGE_CADDY_SOAK") != ""

// A reload closes Caddy's own socket, and drops connections that it has not accepted
// yet. An inherited socket, as systemd passes it, stays open.
func TestReloadsUnderLoadFailNoRequestAndDropNoWebsocket(t *testing.T) {
	reloads, sockets := 10, 100
	if soak {
		reloads, sockets = 100, 1000
	}
	w := newWorld(t)
	w.socketsFile("limits: {websocket: {connections: 5000}}\n")
	l, err := net.Listen("tcp", w.address)
	if err != nil {
		t.Fatal(err)
	}
	file, err := l.(*net.TCPListener).File()
	if err != nil {
		t.Fatal(err)
	}
	if err := l.Close(); err != nil { // file is the same socket
		t.Fatal(err)
	}
	defer file.Close()
	p := w.runCaddy(w.soakCaddyfile(0), file)

	conns := make([]net.Conn, sockets)
	for i := range conns {
		conns[i], _ = w.dial([]string{"acme.test", "globex.test"}[i%2])
	}
	load := w.startLoad(8)
	load.await(200) // net/http drops the first request of a connection that a server accepted just before its shutdown
	half := 0.0
	for i := 1; i <= reloads; i++ {
		w.postConfig(w.soakCaddyfile(i))
		load.await(200)
		if i == reloads/2 {
			half = p.resident(t)
		}
	}
	requests, failures := load.stop()
	after := p.resident(t)
	dropped := 0
	for i, conn := range conns {
		if err := echoes(conn, []string{"acme", "globex"}[i%2]); err != nil {
			dropped++
		}
	}
	t.Logf("%d reloads, %d requests: %d failed; %d websockets: %d dropped; resident memory %.0f MiB after half of the reloads, %.0f MiB at the end",
		reloads, requests, len(failures), sockets, dropped, half, after)
	if len(failures) > 0 {
		t.Errorf("%d requests failed, the first with %v", len(failures), failures[0])
	}
	if dropped > 0 {
		t.Errorf("%d websockets were dropped", dropped)
	}
	// 100 configurations of Caddy that stay in memory would take more.
	if after > half+50 {
		t.Errorf("the resident memory grew from %.0f to %.0f MiB", half, after)
	}
}

func (w *world) soakCaddyfile(n int) string {
	_, port, _ := net.SplitHostPort(w.address)
	return strings.NewReplacer("@host", w.app.Listener.Addr().String()).Replace(fmt.Sprintf(`{
	admin %s
	auto_https off
	persist_config off
	log {
		level ERROR
	}
	tenantedge {
		config %s/tenantedge.yaml
	}
}
http://:%s {
	bind fd/3
	header X-Load %d
	tenantedge
	tenantedge_websocket
	reverse_proxy @host
}
`, w.admin, w.dir, port, n))
}

// postConfig reloads a Caddyfile by the admin endpoint, as `caddy reload` does.
func (w *world) postConfig(caddyfile string) {
	w.Helper()
	response, err := http.Post("http://"+w.admin+"/load", "text/caddyfile", bytes.NewReader([]byte(caddyfile)))
	if err != nil {
		w.Fatal(err)
	}
	defer response.Body.Close()
	if body, _ := io.ReadAll(response.Body); response.StatusCode != http.StatusOK {
		w.Fatalf("%s %s", response.Status, body)
	}
}

func echoes(conn net.Conn, schema string) error {
	if err := wsutil.WriteClientText(conn, []byte("hello")); err != nil {
		return err
	}
	frame, err := ws.ReadFrame(conn)
	if err != nil {
		return err
	}
	if got := string(frame.Payload); got != schema+": hello" {
		return fmt.Errorf("got %q", got)
	}
	return nil
}

// load are clients that send requests until it is stopped.
type load struct {
	*world
	requests atomic.Int64
	stopping atomic.Bool
	clients  sync.WaitGroup

	mu       sync.Mutex
	failures []error
}

func (w *world) startLoad(clients int) *load {
	l := &load{world: w}
	for i := range clients {
		l.clients.Go(func() {
			client := &http.Client{Transport: new(http.Transport)}
			defer client.CloseIdleConnections()
			for !l.stopping.Load() {
				if err := l.request(client, []string{"acme", "globex"}[i%2]); err != nil {
					l.mu.Lock()
					l.failures = append(l.failures, err)
					l.mu.Unlock()
				}
				l.requests.Add(1)
			}
		})
	}
	return l
}

func (l *load) request(client *http.Client, schema string) error {
	r, err := http.NewRequest(http.MethodGet, "http://"+l.address+"/", nil)
	if err != nil {
		return err
	}
	r.Host = schema + ".test"
	response, err := client.Do(r)
	if err != nil {
		return err
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	if err != nil {
		return err
	}
	if response.StatusCode != http.StatusOK || !bytes.Contains(body, []byte(`"Tenant":["`+schema+`"]`)) {
		return errors.New(response.Status + " " + string(body))
	}
	return nil
}

// await waits for n further requests.
func (l *load) await(n int64) {
	l.Helper()
	until := l.requests.Load() + n
	eventually(l.T, "requests", func() error {
		if l.requests.Load() < until {
			return errors.New("too few")
		}
		return nil
	})
}

func (l *load) stop() (int64, []error) {
	l.stopping.Store(true)
	l.clients.Wait()
	return l.requests.Load(), l.failures
}
