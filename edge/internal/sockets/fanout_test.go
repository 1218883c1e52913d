package sockets

import (
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/gobwas/ws"
)

// BenchmarkFanOut sends frames to a group of 1,000, alternately by the hub and
// by plainConns gobwas/ws, which writes a compiled frame to each connection; with 1
// and 16 concurrent broadcasts.
func BenchmarkFanOut(b *testing.B) {
	const members, size = 1000, 64
	payload := []byte(strings.Repeat("x", size))
	for _, outstanding := range []int{1, 16} {
		b.Run(fmt.Sprint(outstanding, " outstanding"), func(b *testing.B) {
			accepted := make(chan net.Conn, members)
			var plainConns []net.Conn
			server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				if conn, _, _, err := ws.UpgradeHTTP(r, w); err == nil {
					accepted <- conn
				}
			}))
			defer server.Close()
			conns := make(chan *Conn, members)
			hub := newWorld(b, connKind{}, Config{}, Options{Handler: script{open: func(c *Conn) { conns <- c }}})
			var group []*Conn
			var plainClients, hubClients []*client
			for range members {
				hubClients = append(hubClients, hub.dial(b, nil))
				plainClients = append(plainClients, (&world{server: server}).dial(b, nil))
				group = append(group, <-conns)
				plainConns = append(plainConns, <-accepted)
			}
			compiled := ws.MustCompileFrame(ws.NewTextFrame(payload))
			turn := func(clients []*client, broadcast func()) time.Duration {
				var all sync.WaitGroup
				for _, c := range clients {
					c.SetDeadline(time.Time{})
					all.Go(func() { io.CopyN(io.Discard, c.r, int64(outstanding*len(compiled))) })
				}
				started := time.Now()
				for range outstanding {
					broadcast()
				}
				all.Wait()
				return time.Since(started)
			}
			var spentPlain, spentHub time.Duration
			for b.Loop() {
				spentHub += turn(hubClients, func() {
					f := NewFrame(Text, payload)
					for _, c := range group {
						c.SendFrame(f)
					}
				})
				spentPlain += turn(plainClients, func() {
					for _, conn := range plainConns {
						conn.Write(compiled)
					}
				})
			}
			sent := float64(b.N * members * outstanding)
			b.ReportMetric(sent/spentHub.Seconds(), "polled/s")
			b.ReportMetric(sent/spentPlain.Seconds(), "gobwas/s")
			b.ReportMetric(float64(spentPlain)/float64(spentHub), "polled/gobwas")
			for _, conn := range plainConns {
				conn.Close()
			}
		})
	}
}
