package sockets

import (
	"bufio"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"runtime"
	"runtime/debug"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/gobwas/ws"
	"github.com/gobwas/ws/wsutil"
)

func TestAnEchoAllocatesNothing(t *testing.T) {
	eachKind(t, func(t *testing.T, w connKind) {
		world := newWorld(t, w, Config{}, Options{Handler: echo{}})
		client := world.dial(t, nil)
		message := frame(ws.OpText, true, []byte(strings.Repeat("x", 64)))
		answer := make([]byte, 66)
		trip := func() {
			if _, err := client.Write(message); err != nil {
				t.Fatal(err)
			}
			if _, err := io.ReadFull(client.r, answer); err != nil {
				t.Fatal(err)
			}
		}
		for range 100 {
			trip()
		}
		budget := 0.9 // refilling pools after a garbage collection
		if w.tls {
			budget = 4 // crypto/tls, on both sides
		}
		if raced {
			budget += 4
		}
		if got := testing.AllocsPerRun(2000, trip); got > budget {
			t.Errorf("expected an echo to allocate nothing, found %v allocations", got)
		}
	})
}

// plainGobwas is the usual server with gobwas/ws: a goroutine for each connection,
// which reads and writes with wsutil.
func plainGobwas() http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		conn, _, _, err := ws.UpgradeHTTP(r, w)
		if err != nil {
			return
		}
		go func() {
			defer conn.Close()
			for {
				payload, op, err := wsutil.ReadClientData(conn)
				if err != nil {
					return
				}
				if wsutil.WriteServerMessage(conn, op, payload) != nil {
					return
				}
			}
		}()
	})
}

// benchServers are the servers that the benchmarks compare.
func benchServers(b *testing.B, secure bool) map[string]*world {
	serve := func(handler http.Handler) *world {
		w := &world{tls: secure, server: httptest.NewUnstartedServer(handler)}
		w.server.Listener = Listen(w.server.Listener)
		if secure {
			w.server.StartTLS()
		} else {
			w.server.Start()
		}
		b.Cleanup(w.server.Close)
		return w
	}
	all := map[string]*world{"gobwas": serve(plainGobwas())}
	for _, w := range connKinds {
		if w.tls == secure && (w.noPoll || w.polled()) {
			all[strings.TrimSuffix(w.name, " TLS")] = newWorld(b, w, Config{}, Options{Handler: echo{}})
		}
	}
	return all
}

// BenchmarkEcho compares the kinds of connections with plain gobwas/ws, in
// alternating turns of a few milliseconds, so that other load affects all
// equally. Its figures are ratios to plain gobwas/ws.
func BenchmarkEcho(b *testing.B) {
	for _, secure := range []bool{false, true} {
		name := "plain"
		if secure {
			name = "TLS"
		}
		b.Run(name, func(b *testing.B) {
			const conns, trips = 100, 20
			spent := map[string]time.Duration{}
			turns := map[string]func(){}
			for name, world := range benchServers(b, secure) {
				var clients []*client
				for range conns {
					clients = append(clients, world.dial(b, nil))
					clients[len(clients)-1].SetDeadline(time.Time{})
				}
				message := frame(ws.OpText, true, []byte(strings.Repeat("x", 64)))
				turns[name] = func() {
					started := time.Now()
					var all sync.WaitGroup
					for _, c := range clients {
						all.Go(func() {
							answer := make([]byte, 66)
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
				b.ReportMetric(float64(b.N*conns*trips)/d.Seconds(), strings.ReplaceAll(name, " ", "-")+"/s")
				b.ReportMetric(float64(spent["gobwas"])/float64(d), strings.ReplaceAll(name, " ", "-")+"/gobwas")
			}
		})
	}
}

// TestIdle is the server of BenchmarkIdle, in a separate process, so that the
// clients' memory is not counted. It serves until its input ends.
func TestIdle(t *testing.T) {
	kind := os.Getenv("SOCKETS_IDLE")
	if kind == "" {
		return // not started by BenchmarkIdle
	}
	secure := strings.HasSuffix(kind, " TLS")
	var handler http.Handler = plainGobwas()
	if name := strings.TrimSuffix(kind, " TLS"); name != "gobwas" {
		hub, err := New(Config{NoPoll: name == "goroutine"})
		if err != nil {
			t.Fatal(err)
		}
		handler = &world{hub: hub, options: Options{Tenant: "acme", Handler: echo{}, AllowNoOrigin: true}}
	}
	server := httptest.NewUnstartedServer(handler)
	server.Listener = Listen(server.Listener)
	if secure {
		server.StartTLS()
	} else {
		server.Start()
	}
	fmt.Println("address", server.Listener.Addr())
	in := bufio.NewScanner(os.Stdin)
	for in.Scan() { // each line requests the resident memory
		for range 3 {
			runtime.GC()
		}
		debug.FreeOSMemory()
		fmt.Println("resident", resident())
	}
}

func resident() int {
	statm, _ := os.ReadFile("/proc/self/statm")
	fields := strings.Fields(string(statm))
	if len(fields) < 2 {
		return 0
	}
	pages, _ := strconv.Atoi(fields[1])
	return pages * os.Getpagesize()
}
