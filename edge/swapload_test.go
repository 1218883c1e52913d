package edge

import (
	"context"
	"fmt"
	"os"
	"runtime"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/tenantedge/tenantedge/edge/internal/soak"
	"github.com/tenantedge/tenantedge/edge/internal/wasm/wasmtest"
	"github.com/tenantedge/tenantedge/edge/smoke"
)

// guestOf returns the guest of a generation. Each routes the same requests
// differently. Every fourth is small. The others differ only in data, which is not
// compiled, so they share their code in a compile cache, unless fresh is set.
func guestOf(t testing.TB, generation int, fresh bool) []byte {
	if generation%4 == 3 {
		return constant(generation)
	}
	guest := wasmtest.Unruly(t, generation)
	if !fresh {
		return guest
	}
	return append(guest, custom(generation)...)
}

// soaking reports whether the environment requests the long form of the test.
func soaking() bool { return os.Getenv("TENANTEDGE_SWAPS") != "" }

// custom returns a custom section, with which a guest is in no compile cache.
func custom(generation int) []byte {
	content := fmt.Sprintf("\x01n%08d", generation)
	return append([]byte{0, byte(len(content))}, content...)
}

// answerOf returns the answer of a generation's guest to a request for t<n>.
func answerOf(generation, n int) string {
	if generation%4 == 3 {
		return fmt.Sprintf("www g%d", generation)
	}
	return fmt.Sprintf("t%d g%d", (n+generation)%unrulyTenants, generation)
}

// load sends requests from several clients and checks each answer: it must be that of
// a guest that was current at some time during the request.
type load struct {
	t     *testing.T
	front *front
	fresh bool // see guestOf

	begun, done atomic.Int64 // generations: the last whose swap has begun, and has ended
	requests    atomic.Int64
	phase       atomic.Pointer[latencies]
	window      atomic.Pointer[latencies]
	failed      atomic.Int64
	misrouted   atomic.Int64
}

// run sends requests while work runs.
func (l *load) run(clients int, work func()) {
	var stop atomic.Bool
	var wg sync.WaitGroup
	for c := range clients {
		wg.Go(func() {
			for n := c; !stop.Load(); n++ {
				l.one(n % unrulyTenants)
			}
		})
	}
	work()
	stop.Store(true)
	wg.Wait()
}

func (l *load) one(n int) {
	from := l.done.Load()
	began := time.Now()
	a, err := l.front.get(fmt.Sprintf("t%d.example.com", n), "/")
	took := time.Since(began)
	to := l.begun.Load()
	l.phase.Load().add(took)
	l.window.Load().add(took)
	l.requests.Add(1)
	if err != nil || a.status != 200 {
		l.failed.Add(1)
		l.t.Errorf("a request failed: %d %q, %v", a.status, a.body, err)
		return
	}
	for g := from; g <= to; g++ {
		if a.body == answerOf(int(g), n) {
			return
		}
	}
	l.misrouted.Add(1)
	l.t.Errorf("t%d got the answer %q: expected the answer of a guest from g%d to g%d", n, a.body, from, to)
}

// swap swaps in the next generation, and returns how long that took.
func (l *load) swap(h *Host) time.Duration {
	l.t.Helper()
	guest := guestOf(l.t, int(l.begun.Load())+1, l.fresh)
	next := l.begun.Add(1)
	began := time.Now()
	if r, err := h.Swap(context.Background(), guest); err != nil || r.Unchanged {
		l.t.Fatalf("swapping in generation %d: %+v, %v", next, r, err)
	}
	l.done.Store(next)
	return time.Since(began)
}

// measure waits until no instance is being made or closed, and measures the
// footprint of the process.
func (l *load) measure(h *Host) (soak.Footprint, bool) {
	l.front.client.CloseIdleConnections()
	l.front.CloseClientConnections() // returns when they are closed
	h.guests.Previous().Park()
	for s := h.Stats(); s.Parked.Instances > 0 || s.Draining > 0 || s.Current.Busy > 0 || s.Current.Instances != runtime.GOMAXPROCS(0); s = h.Stats() {
		runtime.Gosched()
	}
	return soak.Measure()
}

// swapFigures are the results of a run, for plots.
type swapFigures struct {
	Swaps, Clients, Processors int
	Failed, Misrouted          int64
	Before, During             summary
	FootprintBefore            soak.Footprint
	FootprintAfter             soak.Footprint
	Timeline                   []moment
	At                         []swapMoment
}

// moment has the latencies of a quarter of a second. Times are in milliseconds since
// the start.
type moment struct {
	Millisecond int64
	summary
}

type swapMoment struct{ Millisecond, Took int64 }

func TestSwapsUnderFullLoadFailAndMisrouteNothing(t *testing.T) {
	t.Run("code from the compile cache", func(t *testing.T) {
		swapUnderLoad(t, "swap-cached", false, func(*Config) {})
	})
	if !soaking() {
		return
	}
	t.Run("compiled in another process, as serve does", func(t *testing.T) {
		swapUnderLoad(t, "swap-smoke", true, func(c *Config) { c.CompileCache, c.SmokeRun = t.TempDir(), smoke.Run })
	})
	t.Run("compiled in this process", func(t *testing.T) {
		swapUnderLoad(t, "swap-compiled", true, func(c *Config) { c.CompileCache = "" })
	})
}

func swapUnderLoad(t *testing.T, name string, fresh bool, change func(*Config)) {
	swaps := (soak.Times(t, "TENANTEDGE_SWAPS", 8) + 3) / 4 * 4 // a multiple of four: ends with the kind of guest with which it began
	clients := 2 * runtime.GOMAXPROCS(0)
	h := unrulyHost(t, guestOf(t, 0, fresh), func(c *Config) {
		change(c)
		c.Limits = GuestLimits{Instances: runtime.GOMAXPROCS(0), QueueTimeout: time.Minute, Deadline: time.Minute}
	})
	l := &load{t: t, front: serveFront(t, h, clients), fresh: fresh}
	figures := swapFigures{Swaps: swaps, Clients: clients, Processors: runtime.GOMAXPROCS(0)}
	enter := func() *latencies {
		p := &latencies{}
		l.phase.Store(p)
		return p
	}
	enter()
	l.window.Store(&latencies{})
	l.run(clients, func() { // to warm up
		warm := 4
		if soaking() {
			warm = 8
		}
		for range warm {
			l.swap(h)
		}
	})
	var known bool
	figures.FootprintBefore, known = l.measure(h)

	began := time.Now()
	stop := make(chan struct{})
	var watched sync.WaitGroup
	watched.Go(func() {
		tick := time.NewTicker(250 * time.Millisecond)
		defer tick.Stop()
		for {
			select {
			case <-stop:
				return
			case <-tick.C:
				w := l.window.Swap(&latencies{})
				figures.Timeline = append(figures.Timeline, moment{time.Since(began).Milliseconds(), w.summary()})
			}
		}
	})
	l.run(clients, func() {
		before := enter()
		for l.requests.Store(0); l.requests.Load() < int64(500*swaps); {
			time.Sleep(time.Millisecond)
		}
		during := enter()
		for n := range swaps {
			at := time.Since(began).Milliseconds()
			figures.At = append(figures.At, swapMoment{at, l.swap(h).Milliseconds()})
			if soaking() && n%20 == 19 {
				t.Logf("%d of %d swaps, %d requests", n+1, swaps, l.requests.Load())
			}
		}
		figures.Before, figures.During = before.summary(), during.summary()
		enter()
	})
	close(stop)
	watched.Wait()
	figures.Failed, figures.Misrouted = l.failed.Load(), l.misrouted.Load()
	t.Logf("%d swaps, %d clients: %d requests during them, %d failed, %d misrouted", swaps, clients, figures.During.Requests, figures.Failed, figures.Misrouted)
	t.Logf("p99 before %.0f µs, during %.0f µs (%.2f×); median %.0f and %.0f µs", figures.Before.P99, figures.During.P99, figures.During.P99/figures.Before.P99, figures.Before.P50, figures.During.P50)
	if known {
		figures.FootprintAfter, _ = l.measure(h)
		b, a := figures.FootprintBefore, figures.FootprintAfter
		t.Logf("resident before %.1f MB, after %.1f MB (%+.1f %%); files %d and %d", float64(b.Resident)/1e6, float64(a.Resident)/1e6,
			100*(float64(a.Resident)/float64(b.Resident)-1), b.Files, a.Files)
		if a.Files != b.Files {
			t.Errorf("%d files are open, expected the %d from before", a.Files, b.Files)
		}
		if soaking() && a.Resident > b.Resident+b.Resident/10 {
			t.Errorf("%d bytes are resident, %d were before", a.Resident, b.Resident)
		}
	}
	soak.Figures(t, name, figures)
}
