package sockets

import (
	"bufio"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/gobwas/ws"
)

// gobwasRelay is a relay with gobwas/ws: two goroutines for each client, which
// forward frames, and a buffer for each direction.
func gobwasRelay(upstream string) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		server, early, _, err := ws.Dial(r.Context(), "ws://"+upstream+r.URL.Path)
		if err != nil {
			w.WriteHeader(http.StatusBadGateway)
			return
		}
		client, buffered, _, err := ws.UpgradeHTTP(r, w)
		if err != nil {
			server.Close()
			return
		}
		if early == nil {
			early = bufio.NewReader(server)
		}
		forward := func(to io.WriteCloser, from *bufio.Reader, masked bool) {
			defer to.Close()
			out := bufio.NewWriter(to)
			var payload []byte
			for {
				h, err := ws.ReadHeader(from)
				if err != nil {
					return
				}
				if int64(cap(payload)) < h.Length {
					payload = make([]byte, h.Length)
				}
				payload = payload[:h.Length]
				if _, err := io.ReadFull(from, payload); err != nil {
					return
				}
				if h.Masked {
					ws.Cipher(payload, h.Mask, 0)
				}
				if h.Masked = masked; masked {
					h.Mask = ws.NewMask()
					ws.Cipher(payload, h.Mask, 0)
				}
				if ws.WriteHeader(out, h) != nil {
					return
				}
				if _, err := out.Write(payload); err != nil {
					return
				}
				if from.Buffered() == 0 && out.Flush() != nil {
					return
				}
			}
		}
		go forward(server, buffered.Reader, true)
		go forward(client, early, false)
	})
}

// BenchmarkRelay compares a relay with one that uses gobwas/ws, in alternating turns
// of a few milliseconds, as BenchmarkEcho does. Half of the work is that of clients
// and the upstream, which is the same for all.
func BenchmarkRelay(b *testing.B) {
	for _, size := range []int{100, 16 << 10} {
		b.Run(fmt.Sprint(size), func(b *testing.B) {
			const conns, trips = 100, 20
			backend := newWorld(b, connKind{}, Config{}, Options{Handler: echo{}})
			gobwas := &world{server: httptest.NewServer(gobwasRelay(backend.server.Listener.Addr().String()))}
			b.Cleanup(gobwas.server.Close)
			relays := map[string]*world{"gobwas": gobwas}
			for _, w := range connKinds[:2] {
				relays[w.name] = newRelay(b, w, Config{}, Options{}, backend)
			}
			spent := map[string]time.Duration{}
			turns := map[string]func(){}
			message := frame(ws.OpBinary, true, []byte(strings.Repeat("x", size)))
			for name, relay := range relays {
				var clients []*client
				for range conns {
					clients = append(clients, relay.dial(b, nil))
					clients[len(clients)-1].SetDeadline(time.Time{})
				}
				turns[name] = func() {
					started := time.Now()
					var all sync.WaitGroup
					for _, c := range clients {
						all.Go(func() {
							answer := make([]byte, len(message)-4) // without a mask
							for range trips {
								c.Write(message)
								io.ReadFull(c.r, answer)
							}
						})
					}
					all.Wait()
					spent[name] += time.Since(started)
				}
			}
			for b.Loop() {
				for _, turn := range turns {
					turn()
				}
			}
			for name, d := range spent {
				b.ReportMetric(float64(b.N*conns*trips)/d.Seconds(), name+"/s")
				b.ReportMetric(float64(spent["gobwas"])/float64(d), name+"/gobwas")
			}
		})
	}
}
