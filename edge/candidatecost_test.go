package edge

import (
	"os"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/tenantedge/tenantedge/assets"
)

// What a shadow of all requests costs those who wait for answers: rounds with and
// without one alternate. It measures with TENANTEDGE_FIGURES only.
func TestTheCostOfAShadow(t *testing.T) {
	if os.Getenv("TENANTEDGE_FIGURES") == "" {
		t.Skip("a measurement; set TENANTEDGE_FIGURES")
	}
	const rounds, clients = 15, 4
	h := newHost(t, nil)
	f := serveFront(t, h, clients)
	another := append(slices.Clone(assets.Router), custom(1)...)
	load := func() summary {
		var l latencies
		var all sync.WaitGroup
		end := time.Now().Add(time.Second)
		for range clients {
			all.Go(func() {
				for time.Now().Before(end) {
					began := time.Now()
					if a, err := f.get("t1.example.com", "/orders/42?page=2"); err != nil || a.status != 200 {
						t.Errorf("%d, %v", a.status, err)
						return
					}
					l.add(time.Since(began))
				}
			})
		}
		all.Wait()
		return l.summary()
	}
	load() // warm up
	var p99, rate [2][]float64
	for range rounds {
		for n := range 2 {
			if n == 1 {
				if err := h.StartCandidate(t.Context(), Candidate{Guest: another, Shadow: 1}); err != nil {
					t.Fatal(err)
				}
			}
			s := load()
			p99[n], rate[n] = append(p99[n], s.P99), append(rate[n], float64(s.Requests))
			if n == 1 {
				c := h.Stats().Candidate
				if c.Judged == 0 || c.Differing > 0 || c.Ended != "" {
					t.Fatalf("%+v", c)
				}
				t.Logf("p99 %.0f µs without, %.0f µs with; %d judged, %d left out", p99[0][len(p99[0])-1], s.P99, c.Judged, c.Dropped)
				if err := h.AbortCandidate("measured"); err != nil {
					t.Fatal(err)
				}
			}
		}
	}
	for n := range 2 {
		slices.Sort(p99[n])
		slices.Sort(rate[n])
	}
	m := rounds / 2
	t.Logf("medians: p99 %.0f µs without, %.0f µs with: %.2f times; requests a second %.0f and %.0f: %.2f times",
		p99[0][m], p99[1][m], p99[1][m]/p99[0][m], rate[0][m], rate[1][m], rate[1][m]/rate[0][m])
}
