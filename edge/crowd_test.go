package edge

import (
	"context"
	"net/http/httptest"
	"os"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/tenantedge/tenantedge/edge/internal/soak"
)

// crowd is the size of a crowd of clients, and for how long it runs.
type crowd struct {
	atOnce   int // websockets that must be open at the same time
	visitors int
	rounds   int           // the heap after the first one is the baseline
	length   time.Duration // of a round
	stay     time.Duration // maximum silence of a visitor
}

// crowdOf returns a small crowd, or the one that the environment specifies.
func crowdOf(t *testing.T, noPoll bool) crowd {
	c := crowd{atOnce: soak.Times(t, "TENANTEDGE_CROWD", 100), rounds: 2, length: 250 * time.Millisecond, stay: 100 * time.Millisecond}
	c.visitors = c.atOnce
	if os.Getenv("TENANTEDGE_CROWD_SECONDS") == "" {
		return c
	}
	c.rounds = crowdRounds
	c.length = time.Duration(soak.Times(t, "TENANTEDGE_CROWD_SECONDS", 1)) * time.Second / time.Duration(c.rounds)
	if noPoll {
		// The race detector allows 8,128 goroutines: two for a relayed websocket, and
		// some for each handshake.
		c.atOnce, c.rounds, c.length = min(c.atOnce, 2500), 2, c.length/2
	}
	c.stay = c.length * 2 / 3
	c.visitors = c.atOnce * 6 / 5 // some are always between two visits
	return c
}

// crowdRounds is the number of rounds of a long test. All visitors have connected after
// a third of each.
const crowdRounds = 3

// crowdProcess is the number of visitors of a process.
const crowdProcess = 2500

// round runs visitors that connect and disconnect, for c.length. Then it kills one of
// their processes and stops the others.
func (w *crowdWorld) round(t *testing.T, c crowd, number int) crowdRound {
	began, before := time.Now(), w.host.WebsocketStats()
	processes := max(2, (c.visitors+crowdProcess-1)/crowdProcess)
	var all []*visitors
	for n := range processes {
		all = append(all, startVisitors(t, visitorsConfig{
			Addresses: w.addresses, Tenants: w.tenants, Visitors: max(1, c.visitors/processes),
			Seed: uint64(number)<<32 | uint64(n), Stay: c.stay, Answer: min(c.stay, 2*time.Second),
		}))
	}
	w.awaitVisitor(t, before.Accepted)
	r := crowdRound{Disconnects: map[string]int64{}}
	samples, full := 0, 0
	tick := time.NewTicker(max(c.length/500, time.Millisecond))
	defer tick.Stop()
	for end := time.After(c.length); ; {
		select {
		case <-tick.C:
			s := w.host.WebsocketStats()
			open := s.Polled + s.Goroutines - s.Upstreams
			r.MostOpen = max(r.MostOpen, open)
			r.MostGoroutines = max(r.MostGoroutines, runtime.NumGoroutine())
			if samples++; open >= int64(c.atOnce) {
				full++
			}
			continue
		case <-end:
		}
		break
	}
	all[0].kill(t)
	for _, v := range all[1:] {
		v.stop()
	}
	for _, v := range all[1:] {
		v.wait(t, r.Disconnects)
	}
	after := w.host.WebsocketStats()
	r.Accepted, r.Rejected = after.Accepted-before.Accepted, after.Rejected-before.Rejected
	r.Full = float64(full) / float64(samples)
	r.Took = time.Since(began)
	return r
}

// awaitVisitor waits until the number of accepted websockets exceeds accepted:
// processes need time to start, on a busy machine much.
func (w *crowdWorld) awaitVisitor(t *testing.T, accepted uint64) {
	t.Helper()
	for deadline := time.Now().Add(patience); w.host.WebsocketStats().Accepted == accepted; time.Sleep(time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("no websocket was accepted within %v", patience)
		}
	}
}

// crowdRound has the counts of one round, and the resources held after it.
type crowdRound struct {
	MostOpen           int64   // websockets at the same time
	MostGoroutines     int     // at the same time, including those of handshakes
	Full               float64 // fraction of the time with at least crowd.atOnce websockets
	Accepted, Rejected uint64
	Disconnects        map[string]int64 // visits by way of disconnecting, without those of the killed process
	Took               time.Duration
	Held               crowdHeld
}

// crowdHeld is what the process uses without websockets. Sizes are in bytes.
type crowdHeld struct {
	Goroutines int // without the hubs' workers, which start when needed and do not end
	Files      int // open descriptors
	Heap       uint64
	Runtime    uint64 // memory that Go's runtime has from the system
	Resident   uint64 // including the race detector's memory, which it never frees
}

func (w *crowdWorld) held() (held crowdHeld) {
	footprint, _ := soak.Measure()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return crowdHeld{w.goroutines(), openFiles(), m.HeapAlloc, m.Sys - m.HeapReleased, footprint.Resident}
}

// goroutines returns the number for crowdHeld.Goroutines.
func (w *crowdWorld) goroutines() int {
	return runtime.NumGoroutine() - w.host.WebsocketStats().Workers - w.upstream.hub.Stats().Workers
}

// settles waits until no websocket is open, and net/http and the kernel have
// finished: no more goroutines and descriptors than before. It only chooses when to
// measure; after the time limit it measures anyway.
func (w *crowdWorld) settles(t *testing.T, before *crowdHeld) crowdHeld {
	t.Helper()
	for deadline := time.Now().Add(patience); time.Now().Before(deadline); time.Sleep(10 * time.Millisecond) {
		s, u := w.host.WebsocketStats(), w.upstream.hub.Stats()
		if s.Polled+s.Goroutines+u.Polled+u.Goroutines != 0 || s.Consumers.Open != 0 {
			continue
		}
		w.fillInstances(t)
		if w.goroutines() <= before.Goroutines && openFiles() <= before.Files {
			break
		}
	}
	return w.held()
}

// fillInstances makes the maximum number of instances of the guest, since instances
// have descriptors and their number depends on the load.
func (w *crowdWorld) fillInstances(t *testing.T) {
	t.Helper()
	for range crowdInstances {
		g, i, err := w.host.guests.Borrow(context.Background())
		if err != nil {
			t.Fatal(err)
		}
		defer g.Return(i)
	}
}

const (
	// crowdMargin is the allowed growth of the heap in bytes: pools, and maps that
	// have grown.
	crowdMargin = 4 << 20
	// crowdGoroutine is the number of bytes that Go's runtime never frees for each
	// goroutine of the peak.
	crowdGoroutine = 512
)

// TestACrowdLeavesNoResources has clients in other processes connect to every kind
// of target, send messages and broken frames, and disconnect in every way, in several
// rounds. Afterwards there must be no more goroutines and descriptors than before,
// and no more heap than after the first round, which has what all rounds share.
func TestACrowdLeavesNoResources(t *testing.T) {
	for _, way := range []struct {
		name   string
		noPoll bool
	}{{"polled", false}, {"a goroutine each", true}} {
		t.Run(way.name, func(t *testing.T) {
			// Go's runtime opens two descriptors for the first connection.
			httptest.NewServer(nil).Close()
			goroutines, files := runtime.NumGoroutine(), openFiles()
			c := crowdOf(t, way.noPoll)
			w := newCrowdWorld(t, way.noPoll, c)
			w.fillInstances(t)
			before := w.held()
			var rounds []crowdRound
			most := 0 // goroutines
			for n := range c.rounds {
				r := w.round(t, c, n)
				r.Held = w.settles(t, &before)
				if n == 0 {
					before.Heap, most = r.Held.Heap, r.MostGoroutines
				}
				before.Heap += crowdGoroutine * uint64(max(0, r.MostGoroutines-most))
				most = max(most, r.MostGoroutines)
				rounds = append(rounds, r)
				t.Logf("round %d of %v: %d accepted, %d rejected, at most %d at once with %d goroutines, %d in %.0f%% of the time; disconnected by %v", n+1, r.Took.Round(time.Millisecond),
					r.Accepted, r.Rejected, r.MostOpen, r.MostGoroutines, c.atOnce, 100*r.Full, r.Disconnects)
				t.Logf("goroutines %d, descriptors %d, heap %d KiB, runtime %d KiB, resident %d KiB", r.Held.Goroutines, r.Held.Files,
					r.Held.Heap>>10, r.Held.Runtime>>10, r.Held.Resident>>10)
			}
			s := w.host.WebsocketStats()
			t.Logf("the hub counts %+v", s)
			soak.Figures(t, "crowd-"+strings.ReplaceAll(way.name, " ", "-"), map[string]any{"at_once": c.atOnce, "rounds": rounds})
			if s.Accepted == 0 {
				t.Error("no websocket was accepted")
			}
			if most := rounds[len(rounds)-1].MostOpen; c.visitors > c.atOnce && most < int64(c.atOnce) {
				t.Errorf("at most %d visitors were connected at once: expected %d", most, c.atOnce)
			}
			if s.Polled+s.Goroutines+s.Upstreams != 0 || s.Tenants+s.Consumers.Open+routesInUse(w.host) != 0 || s.Consumers.Ready || s.Panics != 0 || s.Channels.Channels+s.Channels.Memberships != 0 {
				t.Errorf("the hub still counts sockets or panics: %+v", s)
			}
			if after := &rounds[len(rounds)-1].Held; after.Goroutines > before.Goroutines || after.Files > before.Files || after.Heap > before.Heap+crowdMargin {
				t.Errorf("resources remain: %+v became %+v\n%s", before, *after, stacks())
			}
			w.close()
			for deadline := time.Now().Add(patience); runtime.NumGoroutine() > goroutines || openFiles() > files; time.Sleep(10 * time.Millisecond) {
				if time.Now().After(deadline) {
					t.Fatalf("%d goroutines became %d, %d descriptors %d\n%s", goroutines, runtime.NumGoroutine(), files, openFiles(), stacks())
				}
			}
		})
	}
}

// stacks returns the stacks of all goroutines.
func stacks() []byte {
	text := make([]byte, 1<<20)
	return text[:runtime.Stack(text, true)]
}

// openFiles returns the number of open descriptors, or 0 without /proc.
func openFiles() int {
	names, _ := os.ReadDir("/proc/self/fd")
	return len(names)
}
