package sockets

import (
	"context"
	"flag"
	"math/rand/v2"
	"net"
	"net/http/httptest"
	"os"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/gobwas/ws"
)

var (
	churnFor   = flag.Duration("churn", time.Second, "duration for which TestClosedConnectionsLeakNothing opens and closes connections")
	churnConns = flag.Int("churnconns", 100, "number of concurrent connections")
)

// descriptors returns the number of open descriptors; -1 if unknown.
func descriptors() int {
	entries, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		return -1
	}
	return len(entries)
}

func TestClosedConnectionsLeakNothing(t *testing.T) {
	eachKind(t, func(t *testing.T, w connKind) { checkLeaks(t, func() { churn(t, w) }) })
}

func TestClosedRelaysLeakNothing(t *testing.T) {
	eachKind(t, func(t *testing.T, w connKind) {
		checkLeaks(t, func() {
			t.Run("churn", func(t *testing.T) { // its cleanup closes the servers
				config := Config{Compression: CompressionWithContext, MaxQueue: 64 << 10, CloseTimeout: time.Second}
				backend := newWorld(t, w, config, Options{Handler: echo{}})
				world := newRelay(t, w, config, Options{}, backend)
				world.runClients(t)
				ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
				defer cancel()
				if err := world.hub.Shutdown(ctx); err != nil {
					t.Error(err)
				}
				if stats := world.hub.Stats(); stats.Polled != 0 || stats.Goroutines != 0 || stats.Upstreams != 0 || stats.Tenants != 0 || stats.Accepted == 0 {
					t.Errorf("the hub still counts connections: %+v", stats)
				}
			})
		})
	})
}

// checkLeaks checks that do leaves no goroutines and descriptors.
func checkLeaks(t *testing.T, do func()) {
	if r, w, err := os.Pipe(); err == nil { // opens the descriptors of the runtime's poller
		r.Close()
		w.Close()
	}
	goroutines, open := runtime.NumGoroutine(), descriptors()
	do()
	// Wait for the kernel and net/http to finish.
	for deadline := time.Now().Add(20 * time.Second); ; time.Sleep(10 * time.Millisecond) {
		if runtime.NumGoroutine() <= goroutines && descriptors() <= open {
			break
		}
		if time.Now().After(deadline) {
			stacks := make([]byte, 1<<20)
			t.Fatalf("%d goroutines became %d, %d descriptors %d\n%s", goroutines, runtime.NumGoroutine(), open, descriptors(), stacks[:runtime.Stack(stacks, true)])
		}
	}
}

func churn(t *testing.T, w connKind) {
	hub, err := New(Config{NoPoll: w.noPoll, Compression: CompressionWithContext, MaxQueue: 64 << 10, CloseTimeout: time.Second})
	if err != nil {
		t.Fatal(err)
	}
	world := &world{hub: hub, tls: w.tls, options: Options{Tenant: "acme", Handler: echo{}, AllowNoOrigin: true}}
	world.server = httptest.NewUnstartedServer(world)
	world.server.Listener = Listen(world.server.Listener)
	if w.tls {
		world.server.StartTLS()
	} else {
		world.server.Start()
	}
	world.runClients(t)
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
	defer cancel()
	if err := hub.Shutdown(ctx); err != nil {
		t.Error(err)
	}
	world.server.Close()
	if stats := hub.Stats(); stats.Polled != 0 || stats.Goroutines != 0 || stats.Tenants != 0 || stats.Accepted == 0 {
		t.Errorf("the hub still counts connections: %+v", stats)
	}
}

// runClients runs clients that connect and leave.
func (w *world) runClients(t *testing.T) {
	ctx, cancel := context.WithTimeout(t.Context(), *churnFor)
	defer cancel()
	var clients sync.WaitGroup
	for i := range *churnConns {
		clients.Go(func() {
			random := rand.New(rand.NewPCG(uint64(i), 5))
			for ctx.Err() == nil {
				w.visit(t, random)
			}
		})
	}
	clients.Wait()
}

// visit runs one client, which sends messages and leaves in one of several
// connKinds.
func (w *world) visit(t *testing.T, random *rand.Rand) {
	extensions := []string{"", "permessage-deflate", "permessage-deflate; server_max_window_bits=9"}[random.IntN(3)]
	header := handshakeHeader()
	if extensions != "" {
		header.Set("Sec-WebSocket-Extensions", extensions)
	}
	c := w.open(header)
	if c == nil {
		return
	}
	defer c.Close()
	c.SetDeadline(time.Now().Add(20 * time.Second))
	for range random.IntN(4) {
		c.Write(frame(ws.OpText, true, []byte(strings.Repeat("talk ", random.IntN(2000)))))
		if _, err := c.next(); err != nil {
			return
		}
	}
	complete := frame(ws.OpText, true, []byte("not to be finished"))
	switch random.IntN(8) {
	case 0: // with a close handshake
		c.Write(frame(ws.OpClose, true, closePayload(CodeNormal)))
		for {
			if _, err := c.next(); err != nil {
				return
			}
		}
	case 1: // in the middle of a frame
		c.Write(complete[:random.IntN(len(complete))])
	case 2: // with a broken frame
		c.Write([]byte{byte(random.Uint32()) | 0x30, 0x82, 1, 2, 3, 4, 5, 6})
		c.next()
	case 3: // with a reset
		if tcp, ok := c.Conn.(*net.TCPConn); ok {
			tcp.SetLinger(0)
		}
	case 4: // without reading the replies
		for range 20 {
			c.Write(frame(ws.OpBinary, true, make([]byte, 20<<10)))
		}
	case 5: // in the middle of a message
		c.Write(frame(ws.OpText, false, []byte("to be continued")))
	case 6: // with invalid compressed data
		invalid := frame(ws.OpText, true, []byte{0xff, 0xff, 0xff, 0xff})
		invalid[0] |= 0x40
		c.Write(invalid)
		c.next()
	case 7: // without a close frame
	}
}
