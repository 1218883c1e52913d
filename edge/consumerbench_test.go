package edge

import (
	"bytes"
	"fmt"
	"io"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/tenantedge/tenantedge/edge/internal/sockets"
	"github.com/tenantedge/tenantedge/edge/internal/wasm/wasmtest"
)

// newGoEcho returns a world like w in which a handler in Go echoes, for comparison.
func newGoEcho(t testing.TB, w *consumerWorld) *consumerWorld {
	t.Helper()
	server := serveSockets(echoOn(w.hub))
	t.Cleanup(server.Close)
	return &consumerWorld{host: w.host, hub: w.hub, layer: w.layer, server: server, log: w.log}
}

var sixtyFour = []byte(strings.Repeat("x", 64))

func TestAMessageForTheGuestAllocatesNothing(t *testing.T) {
	w := newConsumerWorld(t, wasmtest.Guest(t, "guest/examples/echo"), nil)
	v, _ := w.connect(t, "acme", "/echo")
	echoAllocatesNothing(t, v)
}

// echoAllocatesNothing checks that round trips of a text allocate nothing in this
// process, which has both client and server.
func echoAllocatesNothing(t *testing.T, v *visitor) {
	t.Helper()
	trip := tripper(t, v)
	for range 100 {
		trip()
	}
	const budget = 0.9 // the garbage collector empties pools now and then
	// Under the race detector, pools drop elements at random.
	if got := testing.AllocsPerRun(2000, trip); got > budget && !raced {
		t.Errorf("expected an echo to allocate nothing, found %v allocations", got)
	}
}

// tripper returns a function that makes one round trip of 64 bytes.
func tripper(t testing.TB, v *visitor) func() {
	message, answer := clientFrame(sockets.Text, sixtyFour), make([]byte, 66)
	return func() {
		if _, err := v.Write(message); err != nil {
			t.Error(err)
			return
		}
		if _, err := io.ReadFull(v.in, answer); err != nil {
			t.Error(err)
		}
	}
}

// turn returns a function in which all visitors make round trips at the same time,
// and which passes the duration to took.
func turn(b *testing.B, all []*visitor, trips int, took func(time.Duration)) func() {
	return func() {
		started := time.Now()
		var done sync.WaitGroup
		for _, v := range all {
			trip := tripper(b, v)
			done.Go(func() {
				for range trips {
					trip()
				}
			})
		}
		done.Wait()
		took(time.Since(started))
	}
}

// BenchmarkConsumerEcho compares a guest with a handler in Go, in turns of a few
// milliseconds, so that other load on the machine affects both equally.
func BenchmarkConsumerEcho(b *testing.B) {
	const conns, trips = 100, 20
	w := newConsumerWorld(b, wasmtest.Guest(b, "guest/examples/echo"), nil)
	spent := map[string]time.Duration{}
	turns := map[string]func(){}
	for name, world := range map[string]*consumerWorld{"guest": w, "Go": newGoEcho(b, w)} {
		var visitors []*visitor
		for range conns {
			v, _ := world.connect(b, "acme", "/echo")
			visitors = append(visitors, v)
			_ = v.SetDeadline(time.Time{})
		}
		turns[name] = turn(b, visitors, trips, func(d time.Duration) { spent[name] += d })
	}
	for b.Loop() {
		for _, turn := range turns {
			turn()
		}
	}
	for name, d := range spent {
		b.ReportMetric(float64(b.N*conns*trips)/d.Seconds(), name+"/s")
	}
	b.ReportMetric(float64(spent["Go"])/float64(spent["guest"]), "guest/Go")
}

// BenchmarkConsumerFanout sends to a group of 1,000 websockets, to the clients
// directly or through the guest. It reports messages that clients received.
func BenchmarkConsumerFanout(b *testing.B) {
	const members = 1000
	for _, command := range []string{"broadcast", "group"} {
		for _, outstanding := range []int{1, 16} {
			b.Run(fmt.Sprint(command, "-", outstanding), func(b *testing.B) {
				w := scripted(b)
				got := make(chan struct{}, members)
				var all []*visitor
				for range members {
					v := w.visit(b, "acme", "add all", "say in")
					_ = v.SetDeadline(time.Time{})
					v.receives(b, "in")
					all = append(all, v)
				}
				for _, v := range all {
					go func() {
						for n := 1; ; n++ {
							if _, _, err := v.read(); err != nil {
								return
							}
							if n%outstanding == 0 {
								got <- struct{}{}
							}
						}
					}()
				}
				sender := w.visit(b, "acme")
				_ = sender.SetDeadline(time.Time{})
				message := clientFrame(sockets.Text, []byte(command+" all "+strings.Repeat("x", 64)))
				batch := bytes.Repeat(message, outstanding)
				for b.Loop() {
					_, _ = sender.Write(batch)
					for range members {
						<-got
					}
				}
				b.ReportMetric(float64(b.N*members*outstanding)/b.Elapsed().Seconds(), "messages/s")
				if s := w.layer.Stats(); s.Full != 0 {
					b.Errorf("%d messages were dropped", s.Full)
				}
			})
		}
	}
}
