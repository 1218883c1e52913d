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

	"github.com/gobwas/ws/wsutil"
)

// soak reports whether the long form of a test runs; see `make caddy-soak`.
var soak = os.Getenv("TENANTEDGE_CADDY_SOAK") != ""

// A reload closes Caddy's own socket, and drops connections that it has not accepted
// yet. An inherited socket, as systemd passes it, stays open.
func TestReloadsUnderLoadFailNoRequestAndDropNoWebsocket(t *testing.T) {
	t.Run("serve", func(t *testing.T) { reloadUnderLoad(t, "tenantedge_serve") })
	// reverse_proxy keeps the idle connections of each old configuration for two minutes.
	t.Run("reverse_proxy", func(t *testing.T) { reloadUnderLoad(t, "tenantedge\n\ttenantedge_websocket\n\treverse_proxy @host") })
}

func reloadUnderLoad(t *testing.T, site string) {
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
	p := w.runCaddy(w.soakCaddyfile(site, 0), file)

	conns := make([]net.Conn, sockets)
	for i := range conns {
		conns[i], _ = w.dial([]string{"acme.test", "globex.test"}[i%2])
	}
	load := w.startLoad(8)
	load.await(200)
	var half, after usage
	for i := 1; i <= reloads; i++ {
		w.postConfig(w.soakCaddyfile(site, i))
		load.await(200)
		if i == reloads/2 {
			half = w.usage(p)
		}
	}
	requests, failures := load.stop()
	after = w.usage(p)
	dropped := 0
	for i, conn := range conns {
		if err := echoes(conn, []string{"acme", "globex"}[i%2]); err != nil {
			dropped++
		}
	}
	t.Logf("%d reloads, %d requests: %d failed, %d were sent again; %d websockets: %d dropped; memory after half of the reloads: %v, at the end: %v",
		reloads, requests, len(failures), load.again.Load(), sockets, dropped, half, after)
	if len(failures) > 0 {
		t.Errorf("%d requests failed, the first with %v", len(failures), failures[0])
	}
	if dropped > 0 {
		t.Errorf("%d websockets were dropped", dropped)
	}
	// Configurations that stay in memory would take more.
	if after.heap > half.heap+20 {
		t.Errorf("the heap grew from %.0f to %.0f MiB", half.heap, after.heap)
	}
}

// usage is the memory of Caddy in MiB.
type usage struct {
	heap, resident float64
	goroutines     int
}

func (u usage) String() string {
	return fmt.Sprintf("heap %.1f MiB, resident %.0f MiB, %d goroutines", u.heap, u.resident, u.goroutines)
}

// usage collects garbage and returns what is left.
func (w *world) usage(p *process) usage {
	w.Helper()
	_, rest, _ := strings.Cut(w.adminGet("/debug/pprof/heap?debug=1&gc=1"), "# HeapAlloc = ")
	var bytes float64
	if _, err := fmt.Sscan(rest, &bytes); err != nil {
		w.Fatal(err)
	}
	u := usage{heap: bytes / (1 << 20), resident: p.resident(w.TB)}
	if _, err := fmt.Sscanf(w.adminGet("/debug/pprof/goroutine?debug=1"), "goroutine profile: total %d", &u.goroutines); err != nil {
		w.Fatal(err)
	}
	return u
}

func (w *world) soakCaddyfile(site string, n int) string {
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
	%s
}
`, w.admin, w.dir, port, n, site))
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
	_, payload, err := frame(conn)
	if err != nil {
		return err
	}
	if got := string(payload); got != schema+": hello" {
		return fmt.Errorf("got %q", got)
	}
	return nil
}

// load are clients that send requests until it is stopped.
type load struct {
	*world
	requests atomic.Int64
	again    atomic.Int64
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
	// net/http closes a connection that it accepted just before a shutdown and whose
	// first request it reads after that. Clients may repeat such a request (RFC 9110,
	// 9.2.2).
	if errors.Is(err, io.EOF) {
		l.again.Add(1)
		response, err = client.Do(r)
	}
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
	eventually(l.TB, "requests", func() error {
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
