package edge

import (
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/tenantedge/tenantedge/edge/internal/sockets"
)

// goEcho is the rival of a guest: a handler in Go.
type goEcho struct{}

func (goEcho) Open(*sockets.Conn) {}
func (goEcho) Message(c *sockets.Conn, op sockets.Op, payload []byte) {
	_ = c.Send(op, payload)
}
func (goEcho) Closed(*sockets.Conn, sockets.Code, string) {}

// newGoEcho is a world like that of a guest, without the guest.
func newGoEcho(t testing.TB, w *consumerWorld) *consumerWorld {
	t.Helper()
	server := httptest.NewUnstartedServer(http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		_, _ = w.hub.Accept(rw, r, sockets.Options{Tenant: "acme", Handler: goEcho{}, AllowNoOrigin: true})
	}))
	server.Listener = sockets.Listen(server.Listener)
	server.Start()
	t.Cleanup(server.Close)
	return &consumerWorld{host: w.host, hub: w.hub, layer: w.layer, server: server, log: w.log}
}

var sixtyFour = []byte(strings.Repeat("x", 64))

func TestAMessageForTheGuestAllocatesNothing(t *testing.T) {
	w := newConsumerWorld(t, goGuest(t, "../guest/examples/echo"), nil)
	v, _ := w.ask(t, "acme", "/echo")
	message, answer := clientFrame(sockets.Text, sixtyFour), make([]byte, 66)
	trip := func() {
		if _, err := v.Write(message); err != nil {
			t.Fatal(err)
		}
		if _, err := io.ReadFull(v.in, answer); err != nil {
			t.Fatal(err)
		}
	}
	for range 100 {
		trip()
	}
	budget := 0.9 // a pool that the collector emptied is filled again
	if raced {
		budget += 4
	}
	if got := testing.AllocsPerRun(2000, trip); got > budget {
		t.Errorf("expected an echo to allocate nothing, found %v allocations", got)
	}
}

// BenchmarkConsumerEcho sets a guest beside a handler in Go, in turns of a few
// milliseconds, so that what else the machine does meets both alike.
func BenchmarkConsumerEcho(b *testing.B) {
	const conns, trips = 100, 20
	w := newConsumerWorld(b, goGuest(b, "../guest/examples/echo"), nil)
	spent := map[string]time.Duration{}
	turns := map[string]func(){}
	for name, world := range map[string]*consumerWorld{"guest": w, "Go": newGoEcho(b, w)} {
		var visitors []*visitor
		for range conns {
			v, _ := world.ask(b, "acme", "/echo")
			visitors = append(visitors, v)
			_ = v.SetDeadline(time.Time{})
		}
		message := clientFrame(sockets.Text, sixtyFour)
		turns[name] = func() {
			started := time.Now()
			var all sync.WaitGroup
			for _, v := range visitors {
				all.Go(func() {
					answer := make([]byte, 66)
					for range trips {
						_, _ = v.Write(message)
						_, _ = io.ReadFull(v.in, answer)
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
	}
	b.ReportMetric(float64(spent["Go"])/float64(spent["guest"]), "guest/Go")
}
