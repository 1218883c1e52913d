//go:build unix

package serve

import (
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"slices"
	"testing"
)

// The processor time of requests with and without counting, over sockets, in rounds that
// alternate. The client is in the process too. It measures with TENANTEDGE_FIGURES only.
func TestTheCostOfCounting(t *testing.T) {
	if os.Getenv("TENANTEDGE_FIGURES") == "" {
		t.Skip("a measurement; set TENANTEDGE_FIGURES")
	}
	const rounds, requests = 81, 500
	servers := []*world{start(t), start(t, withUsage)}
	for _, host := range []string{"gone.example.com", "acme.example.com"} { // a reply, and an application
		transport := &http.Transport{}
		client := &http.Client{Transport: transport}
		for _, w := range servers { // until connections to the application are reused
			for !w.server.now().proxies[0].Stats().Reuses {
				w.get("acme.example.com", "/")
			}
		}
		var per [2][]float64
		for round := range rounds + 4 {
			for i := range servers {
				n := (i + round) % 2
				before := processorTime(t)
				for range requests {
					resp, err := client.Do(servers[n].request(http.MethodGet, host, "/"))
					if err != nil {
						t.Fatal(err)
					}
					_, _ = io.Copy(io.Discard, resp.Body)
					resp.Body.Close()
				}
				if round >= 4 { // after warming up
					per[n] = append(per[n], float64(processorTime(t)-before)/requests/1e3)
				}
			}
		}
		transport.CloseIdleConnections()
		// Other processes only make a round slower, so the faster ones say more.
		for n := range per {
			slices.Sort(per[n])
		}
		for _, at := range []int{rounds / 4, rounds / 2} {
			off, on := per[0][at], per[1][at]
			t.Logf("%s, round %d of %d: %.1f µs of processor time for a request without counting, %.1f with it, %+.1f %%", host, at, rounds, off, on, (on/off-1)*100)
		}
	}
}

func TestCountingAddsNoAllocations(t *testing.T) {
	allocations := func(w *world) float64 {
		r := httptest.NewRequest(http.MethodGet, "http://gone.example.com/", nil)
		return testing.AllocsPerRun(200, func() { w.server.ServeHTTP(httptest.NewRecorder(), r) })
	}
	off, on := allocations(start(t)), allocations(start(t, withUsage))
	if on > off { // the note, which has the figures, is there for metrics anyway
		t.Errorf("%v allocations for a request, and %v without counting", on, off)
	}
}
