package edge

import (
	"bufio"
	"context"
	"crypto/tls"
	"fmt"
	"io"
	"log"
	"log/slog"
	"math/rand/v2"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/tenantedge/tenantedge/edge/internal/soak"
	"github.com/tenantedge/tenantedge/edge/internal/sockets"
	"github.com/tenantedge/tenantedge/edge/internal/wasm/wasmtest"
	"github.com/tenantedge/tenantedge/guest/tenancy"
	"github.com/tenantedge/tenantedge/tenantdb"
)

// crowdWorld is a Host with a handler whose sockets are in groups, a consumer
// in the guest whose sockets are, and a relay; over plain TCP and over TLS.
type crowdWorld struct {
	behind    *sockets.Hub // of the upstream
	host      *Host
	addresses [2]string     // plain and TLS
	stay      time.Duration // the longest of one client without a word
	visits    atomic.Int64
	close     func()
}

// crowdTenants are how many tenants the crowd comes to.
const crowdTenants = 4

func newCrowdWorld(t *testing.T, noPoll bool, stay time.Duration) *crowdWorld {
	t.Helper()
	behind, err := sockets.New(sockets.Config{})
	if err != nil {
		t.Fatal(err)
	}
	upstream := httptest.NewServer(echoOn(behind))
	up, err := url.Parse(upstream.URL)
	if err != nil {
		t.Fatal(err)
	}
	h, err := New(t.Context(), crowdConfig(t, up, noPoll, stay))
	if err != nil {
		t.Fatal(err)
	}
	w := &crowdWorld{behind: behind, host: h, stay: stay}
	var servers []*httptest.Server
	for i := range w.addresses {
		server := httptest.NewUnstartedServer(h.Middleware(http.NotFoundHandler()))
		server.Listener = sockets.Listen(server.Listener)
		server.Config.ErrorLog = log.New(io.Discard, "", 0) // who vanishes in a TLS handshake is logged
		if i == 0 {
			server.Start()
		} else {
			server.StartTLS()
		}
		servers = append(servers, server)
		w.addresses[i] = server.Listener.Addr().String()
	}
	w.close = func() {
		ctx, cancel := context.WithTimeout(context.Background(), patience)
		defer cancel()
		if err := h.ShutdownWebsockets(ctx); err != nil {
			t.Error(err)
		}
		for _, s := range append(servers, upstream) {
			s.Close()
		}
		_ = behind.Shutdown(ctx) // its clients are gone
		if err := h.Close(); err != nil {
			t.Error(err)
		}
	}
	return w
}

func crowdConfig(t *testing.T, up *url.URL, noPoll bool, stay time.Duration) Config {
	t.Helper()
	c := Config{
		Directory: tenantdb.NewDirectory(tenantdb.Options{Normalize: tenancy.NormalizeHost}), Default: &DefaultTenant{URLConf: "app.urls", WSURLConf: "ws"},
		Logger: slog.New(slog.DiscardHandler), CompileCache: compileCache, Guest: wasmtest.Guest(t, "edge/testdata/consumer"),
	}
	for i := range crowdTenants {
		name, id := fmt.Sprint("crowd", i), fmt.Sprint(10+i)
		report := c.Directory.Apply([]tenantdb.Change{{
			Tenant:  tenantdb.Tenant{ID: id, Schema: name},
			Domains: []tenantdb.Domain{{TenantID: id, Domain: name + ".test", IsPrimary: true}},
		}})
		if len(report.Problems) > 0 {
			t.Fatal(report.Problems)
		}
	}
	table, targets := routes(func(name string) WebsocketTarget {
		return map[string]WebsocketTarget{"handler": {Handler: "grouped"}, "script": {Consumer: true}, "relay": {Upstream: up}}[name]
	}, "handler/ handler", "script/<path:script> script", "relay/ relay")
	c.WSURLConfs = map[string][]WSRoute{"ws": table}
	c.Websockets = WebsocketConfig{
		Targets: map[string]map[string]WebsocketTarget{"ws": targets}, WithoutOrigin: true, NoPoll: noPoll,
		Compression: "with-context",
		Handlers: map[string]WebsocketHandler{"grouped": played{
			open: func(s *Websocket) { _ = s.Groups().Add(context.Background(), "all") },
			message: func(s *Websocket, text string) {
				if strings.HasPrefix(text, "to all") {
					_ = s.Groups().SendText(context.Background(), "all", text)
				}
				_ = s.Send(WebsocketText, []byte(text))
			},
		}},
		Limits: WebsocketLimits{Queue: 64 << 10, CloseTimeout: stay},
	}
	return c
}

// crowd has clients come and go for a while, so many at the same time.
func (w *crowdWorld) crowd(ctx context.Context, atOnce int) {
	var clients sync.WaitGroup
	for i := range atOnce {
		clients.Go(func() {
			random := rand.New(rand.NewPCG(uint64(i), 5))
			for ctx.Err() == nil {
				if w.visit(ctx, random) {
					w.visits.Add(1)
				}
			}
		})
	}
	clients.Wait()
}

// enter opens a websocket of a random kind; nil if that fails.
func (w *crowdWorld) enter(random *rand.Rand) *visitor {
	way := random.IntN(len(w.addresses))
	conn, err := (&net.Dialer{LocalAddr: &net.TCPAddr{IP: net.IPv4(127, 0, 0, byte(1+random.IntN(8)))}}).Dial("tcp", w.addresses[way])
	if err != nil {
		return nil
	}
	if way == 1 {
		conn = tls.Client(conn, &tls.Config{InsecureSkipVerify: true})
	}
	_ = conn.SetDeadline(time.Now().Add(patience)) // so that a broken test fails, and does not hang
	target := []string{"/handler/", "/script/add%20all", "/script/timer%2050", "/relay/", "/script/refuse%20me/"}[random.IntN(5)]
	extensions := []string{"", "Sec-WebSocket-Extensions: permessage-deflate\r\n"}[random.IntN(2)]
	fmt.Fprintf(conn, "GET %s HTTP/1.1\r\nHost: crowd%d.test\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"+
		"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n%s\r\n", target, random.IntN(crowdTenants), extensions)
	if random.IntN(20) == 0 { // who does not wait for the answer
		conn.Close()
		return nil
	}
	v := &visitor{Conn: conn, in: bufio.NewReaderSize(conn, 512)}
	answer, err := http.ReadResponse(v.in, nil)
	if err != nil || answer.StatusCode != http.StatusSwitchingProtocols {
		conn.Close()
		return nil
	}
	return v
}

// visit is one client's stay: it talks, stays or not, and leaves in one of many
// ways, of which a close frame is the exception.
func (w *crowdWorld) visit(ctx context.Context, random *rand.Rand) bool {
	v := w.enter(random)
	if v == nil {
		return false
	}
	defer v.Close()
	says := func(b []byte) { _, _ = v.Write(b) } // the other side may have gone
	words := []string{"say hello", "count", "to all of us", "broadcast all hi", "group all hi", "timer 20", "state mourned by all", "channel", "discard all", "kick none", "trap"}
	for range random.IntN(4) {
		says(clientFrame(sockets.Text, []byte(words[random.IntN(len(words))])))
		if random.IntN(3) > 0 {
			_ = v.SetReadDeadline(time.Now().Add(w.stay)) // some words have no answer
			if _, _, err := v.read(); err != nil {
				break
			}
		}
	}
	select { // so that there is a crowd
	case <-ctx.Done():
	case <-time.After(time.Duration(random.Int64N(int64(w.stay)))):
	}
	switch whole := clientFrame(sockets.Text, []byte("not to be finished")); random.IntN(8) {
	case 0: // properly
		says(clientFrame(8, []byte{0x03, 0xe8}))
		for {
			if _, _, err := v.read(); err != nil {
				return true
			}
		}
	case 1: // in the middle of a frame
		says(whole[:random.IntN(len(whole))])
	case 2: // with a broken frame
		says([]byte{byte(random.Uint32()) | 0x30, 0x82, 1, 2, 3, 4, 5, 6})
		_, _, _ = v.read()
	case 3: // with a reset
		if tcp, ok := v.Conn.(*net.TCPConn); ok {
			_ = tcp.SetLinger(0)
		}
	case 4: // without reading what it asked for
		for range 20 {
			says(clientFrame(sockets.Text, []byte("say "+strings.Repeat("x", 20<<10))))
		}
	case 5: // in the middle of a message
		says([]byte{byte(sockets.Text), 0x80 | 2, 0, 0, 0, 0, 't', 'o'})
	case 6: // with compressed rubbish
		rubbish := clientFrame(sockets.Text, []byte{0xff, 0xff, 0xff, 0xff})
		rubbish[0] |= 0x40
		says(rubbish)
		_, _, _ = v.read()
	case 7: // without a word
	}
	return true
}

// crowdHeld is what is there when nobody is.
type crowdHeld struct {
	Goroutines int // but for the hubs' workers, which come when they are needed, and stay
	Files      int
	Heap       uint64
	Resident   uint64
}

func (w *crowdWorld) held() (held crowdHeld) {
	footprint, _ := soak.Measure()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return crowdHeld{w.goroutines(), openFiles(), m.HeapAlloc, footprint.Resident}
}

// goroutines counts them as crowdHeld has it.
func (w *crowdWorld) goroutines() int {
	return runtime.NumGoroutine() - w.host.WebsocketStats().Workers - w.behind.Stats().Workers
}

// settles waits until nobody is there any more, and what net/http and the
// kernel still have under way is over: no more goroutines and descriptors than
// there were. It decides nothing but when to look.
func (w *crowdWorld) settles(before *crowdHeld) crowdHeld {
	for deadline := time.Now().Add(patience); time.Now().Before(deadline); time.Sleep(10 * time.Millisecond) {
		s, b := w.host.WebsocketStats(), w.behind.Stats()
		if s.Polled+s.Goroutines+b.Polled+b.Goroutines == 0 && s.Consumers.Open == 0 &&
			(before == nil || w.goroutines() <= before.Goroutines && openFiles() <= before.Files) {
			break
		}
	}
	return w.held()
}

// crowdMargin is what the heap may have more: pools, and maps that have grown.
const crowdMargin = 4 << 20

// TestACrowdLeavesNothingBehind has clients come to every kind of target, talk,
// vanish, and send broken frames. A first crowd makes what all crowds share, as
// the guest's instances; what the second one leaves behind is a leak.
func TestACrowdLeavesNothingBehind(t *testing.T) {
	atOnce := soak.Times(t, "TENANTEDGE_CROWD", 100)
	length := 500 * time.Millisecond
	if os.Getenv("TENANTEDGE_CROWD_SECONDS") != "" {
		length = time.Duration(soak.Times(t, "TENANTEDGE_CROWD_SECONDS", 1)) * time.Second
	}
	for _, way := range []struct {
		name   string
		noPoll bool
		share  time.Duration // of the time, in tenths
	}{{"polled", false, 8}, {"a goroutine each", true, 2}} {
		t.Run(way.name, func(t *testing.T) {
			goroutines, files := runtime.NumGoroutine(), openFiles()
			w := newCrowdWorld(t, way.noPoll, min(2*time.Second, length/5))
			stay := func(d time.Duration) {
				ctx, cancel := context.WithTimeout(t.Context(), d)
				defer cancel()
				began := time.Now()
				progress := time.NewTicker(30 * time.Second)
				defer progress.Stop()
				go func() {
					for {
						select {
						case <-progress.C:
							t.Logf("%d visits in %v of %v", w.visits.Load(), time.Since(began).Round(time.Second), d)
						case <-ctx.Done():
							return
						}
					}
				}()
				w.crowd(ctx, atOnce)
			}
			stay(max(length*way.share/100, 100*time.Millisecond))
			before := w.settles(nil)
			began := time.Now()
			w.visits.Store(0)
			stay(length * way.share / 10)
			visits := w.visits.Load()
			after := w.settles(&before)
			s := w.host.WebsocketStats()
			t.Logf("%d at once, %d visits in %v; the hub counts %+v", atOnce, visits, time.Since(began).Round(time.Millisecond), s)
			t.Logf("goroutines %d → %d, descriptors %d → %d, heap %d → %d KiB, resident %d → %d KiB", before.Goroutines, after.Goroutines,
				before.Files, after.Files, before.Heap>>10, after.Heap>>10, before.Resident>>10, after.Resident>>10)
			soak.Figures(t, "crowd-"+strings.ReplaceAll(way.name, " ", "-"), map[string]any{"at_once": atOnce, "visits": visits, "before": before, "after": after})
			if visits == 0 || s.Accepted == 0 {
				t.Error("nobody came in")
			}
			if s.Polled+s.Goroutines+s.Upstreams != 0 || s.Tenants+s.Consumers.Open != 0 || s.Consumers.Ready || s.Panics != 0 {
				t.Errorf("the hub still counts sockets, or panics: %+v", s)
			}
			if after.Goroutines > before.Goroutines || after.Files > before.Files || after.Heap > before.Heap+crowdMargin {
				stacks := make([]byte, 1<<20)
				t.Errorf("something is left behind\n%s", stacks[:runtime.Stack(stacks, true)])
			}
			w.close()
			for deadline := time.Now().Add(patience); runtime.NumGoroutine() > goroutines || openFiles() > files; time.Sleep(10 * time.Millisecond) {
				if time.Now().After(deadline) {
					stacks := make([]byte, 1<<20)
					t.Fatalf("%d goroutines became %d, %d descriptors %d\n%s", goroutines, runtime.NumGoroutine(), files, openFiles(), stacks[:runtime.Stack(stacks, true)])
				}
			}
		})
	}
}

// openFiles counts the open descriptors; 0 where that cannot be told.
func openFiles() int {
	names, _ := os.ReadDir("/proc/self/fd")
	return len(names)
}
