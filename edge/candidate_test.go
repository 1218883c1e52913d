package edge

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"sync"
	"testing"

	"github.com/tenantedge/tenantedge/edge/internal/wasm/wasmtest"
	"github.com/tenantedge/tenantedge/edge/stats"
	"github.com/tenantedge/tenantedge/edge/tenant"
	"github.com/tenantedge/tenantedge/tenantdb"
)

// trialWorld is a host with 1,000 tenants, whose handler answers with the schema.
type trialWorld struct {
	*Host
	t       *testing.T
	handler http.Handler
}

const trialTenants = 1000

func newTrialWorld(t *testing.T) *trialWorld {
	h := newHost(t, func(c *Config) {
		var s tenantdb.State
		for n := range trialTenants {
			id := fmt.Sprint(n)
			s.Tenants = append(s.Tenants, tenantdb.Tenant{ID: id, Schema: "t" + id})
			s.Domains = append(s.Domains, tenantdb.Domain{TenantID: id, Domain: "t" + id + ".example.com", IsPrimary: true})
		}
		c.Directory.Replace(s)
	})
	return &trialWorld{Host: h, t: t, handler: h.Middleware(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		found, _ := tenant.From(r.Context())
		_, _ = io.WriteString(w, found.Schema)
	}))}
}

// get sends a request to a tenant and reports whether the tenant has answered.
func (w *trialWorld) get(n int, path string) bool {
	r := httptest.NewRequest("GET", path, nil)
	r.Host = fmt.Sprintf("t%d.example.com", n)
	answer := httptest.NewRecorder()
	w.handler.ServeHTTP(answer, r)
	return answer.Code == 200 && answer.Body.String() == fmt.Sprintf("t%d", n)
}

func (w *trialWorld) start(c Candidate) {
	w.t.Helper()
	if c.Guest == nil {
		c.Guest = wasmtest.Guest(w.t, "edge/testdata/faulty")
	}
	if err := w.StartCandidate(w.t.Context(), c); err != nil {
		w.t.Fatal(err)
	}
}

func (w *trialWorld) candidate() *stats.Candidate { return w.Stats().Candidate }

// rounds sends requests to all tenants from several clients, and returns how many
// were not answered by their tenant.
func (w *trialWorld) rounds(path string) (wrong int) {
	var mu sync.Mutex
	var clients sync.WaitGroup
	for client := range 4 {
		clients.Go(func() {
			for n := client; n < trialTenants; n += 4 {
				if !w.get(n, path) {
					mu.Lock()
					wrong++
					mu.Unlock()
				}
			}
		})
	}
	clients.Wait()
	return wrong
}

// Each planted fault ends the canary by itself, and no request gets an answer that
// exceeds a limit.
func TestACanaryWithAFaultIsEnded(t *testing.T) {
	for _, c := range []struct {
		name, path string
		limits     CandidateLimits
		reason     string
	}{
		{"the wrong tenant for one host", "/", CandidateLimits{}, "decisions differ, expected a share of at most 0; the last one in tenant"},
		{"ten times the fuel on one path", "/costly", CandidateLimits{Failures: 0.001, Differences: 1, Costly: 0.001, Fuel: 10}, "times the fuel of the current guest, expected a share of at most 0.001"},
		{"a trap on one path", "/trap", DefaultCandidateLimits(), "calls failed, expected a share of at most 0.001"},
	} {
		t.Run(c.name, func(t *testing.T) {
			w := newTrialWorld(t)
			w.start(Candidate{Canary: 1, Limits: c.limits})
			if c.path != "/" { // one fault does not show on other paths
				if wrong := w.rounds("/elsewhere"); wrong > 1 || w.candidate().Ended != "" {
					t.Fatalf("%d wrong answers, %q", wrong, w.candidate().Ended)
				}
			}
			if wrong := w.rounds(c.path); wrong > 0 {
				t.Errorf("%d requests were answered wrongly", wrong)
			}
			until(t, "the trial ends", func() bool { return w.candidate().Ended != "" })
			if s := w.candidate(); !strings.Contains(s.Ended, c.reason) {
				t.Errorf("it ended because %s: expected %s", s.Ended, c.reason)
			}
			if name := w.Stats().Guest.Name; name == "faulty" {
				t.Error("the faulty guest runs")
			}
			until(t, "its guest is closed", func() bool { return w.Stats().Draining == 0 })
		})
	}
}

func TestACanaryServesOnlyItsShare(t *testing.T) {
	w := newTrialWorld(t)
	w.start(Candidate{Canary: 0.25, Limits: CandidateLimits{Failures: 1, Differences: 1, Costly: 1}})
	w.rounds("/")
	share := w.candidate().Judged
	if share < 200 || share > 300 {
		t.Errorf("%d of %d tenants are in a share of 0.25", share, trialTenants)
	}
	w.rounds("/")
	if again := w.candidate().Judged; again != 2*share {
		t.Errorf("the second round: %d, expected the same tenants, %d", again-share, share)
	}
	first := w.covered(0.25)
	for schema := range w.covered(0.1) {
		if !first[schema] {
			t.Errorf("%s is in a share of 0.1 and not in that of 0.25", schema)
		}
	}
}

// covered returns the tenants that the candidate of the built-in guest with another
// name would serve.
func (w *trialWorld) covered(share float64) map[string]bool {
	w.start(Candidate{Canary: share, Limits: CandidateLimits{Failures: 1, Differences: 1, Costly: 1}})
	covered := map[string]bool{}
	for n := range trialTenants {
		before := w.candidate().Judged
		w.get(n, "/")
		if w.candidate().Judged > before {
			covered[fmt.Sprintf("t%d", n)] = true
		}
	}
	return covered
}

func TestACanaryServesNamedTenantsAndAHeader(t *testing.T) {
	w := newTrialWorld(t)
	w.start(Candidate{Tenants: []string{"t500"}, Header: "x-canary: sesame", Limits: CandidateLimits{Differences: 1}})
	if wrong := w.rounds("/"); wrong != 1 || w.candidate().Judged != 1 {
		t.Errorf("%d wrong answers and %d judged, expected one of each", wrong, w.candidate().Judged)
	}
	for _, value := range []string{"", "other", "sesame"} {
		r := httptest.NewRequest("GET", "http://t1.example.com/", nil)
		r.Header.Set("X-Canary", value)
		w.handler.ServeHTTP(httptest.NewRecorder(), r)
	}
	if n := w.candidate().Judged; n != 2 {
		t.Errorf("%d judged, expected 2", n)
	}
	s := w.candidate()
	if want := map[stats.Difference]uint64{stats.DiffersTenant: 1, stats.DiffersPath: 1, stats.DiffersNames: 1}; !reflect.DeepEqual(s.Differences, want) {
		t.Errorf("the differences are %v, expected %v", s.Differences, want)
	}
	if len(s.Samples) != 1 || s.Samples[0].Host != "t500.example.com" || !strings.Contains(s.Samples[0].Candidate, "t501") || !strings.Contains(s.Samples[0].Current, "t500") {
		t.Errorf("the samples are %+v", s.Samples)
	}
}

// A shadow finds each planted fault, and answers nothing.
func TestAShadowFindsFaultsWithoutEffect(t *testing.T) {
	w := newTrialWorld(t)
	w.start(Candidate{Shadow: 1, Limits: CandidateLimits{Failures: 1, Differences: 1, Costly: 1, Fuel: 10}})
	seen := func() uint64 { s := w.candidate(); return s.Judged + s.Dropped }
	var sent uint64
	for _, path := range []string{"/", "/trap", "/costly"} {
		for n := range trialTenants {
			if !w.get(n, path) {
				t.Fatalf("t%d%s got a wrong answer", n, path)
			}
			sent++
			if sent%100 == 0 { // so that the queue drops nothing
				until(t, "the shadow has seen all requests", func() bool { return seen() == sent })
			}
		}
	}
	s := w.candidate()
	if s.Dropped > 0 || s.Failures != trialTenants || s.Costly != trialTenants || s.Differences[stats.DiffersTenant] != 2 {
		t.Errorf("of %d: dropped %d, failures %d, costly %d, differences %v", sent, s.Dropped, s.Failures, s.Costly, s.Differences)
	}
	if err := w.AbortCandidate("tried enough"); err != nil || w.candidate().Ended != "tried enough" {
		t.Errorf("%v, %q", err, w.candidate().Ended)
	}
	if err := w.AbortCandidate("again"); !errors.Is(err, ErrNoCandidate) {
		t.Errorf("the second time: %v", err)
	}
}

func TestAShadowTakesAShareOfTheRequests(t *testing.T) {
	w := newTrialWorld(t)
	w.start(Candidate{Shadow: 0.1, Limits: CandidateLimits{Differences: 1, Failures: 1, Costly: 1}})
	w.rounds("/")
	until(t, "a tenth of the requests is seen", func() bool { s := w.candidate(); return s.Judged+s.Dropped == trialTenants/10 })
}

func TestAPromotedCandidateRuns(t *testing.T) {
	w := newTrialWorld(t)
	if _, err := w.Promote(t.Context()); !errors.Is(err, ErrNoCandidate) {
		t.Errorf("without a candidate: %v", err)
	}
	before := w.GuestDigest()
	w.start(Candidate{Canary: 0.5, Limits: CandidateLimits{Failures: 1, Differences: 1, Costly: 1}})
	w.rounds("/")
	r, err := w.Promote(t.Context())
	if err != nil || r.Guest.Name != "faulty" || r.Previous.Digest != before {
		t.Fatalf("%+v, %v", r, err)
	}
	if w.get(500, "/") || !w.get(499, "/") {
		t.Error("the candidate does not decide about all requests")
	}
	if s := w.candidate(); s.Ended != "promoted" {
		t.Errorf("the trial: %+v", s)
	}
	if _, err := w.Rollback(t.Context()); err != nil || w.GuestDigest() != before || !w.get(500, "/") {
		t.Errorf("after the rollback: %v", err)
	}
}

func TestACandidateThatCannotBeTriedIsRefused(t *testing.T) {
	w := newTrialWorld(t)
	faulty := wasmtest.Guest(t, "edge/testdata/faulty")
	for _, c := range []struct {
		name string
		Candidate
		want string
	}{
		{"no way to try it", Candidate{Guest: faulty}, "expected a share of requests (shadow)"},
		{"both ways", Candidate{Guest: faulty, Shadow: 1, Canary: 0.1}, "expected a shadow or a canary, found both"},
		{"a share of percents", Candidate{Guest: faulty, Canary: 5}, "expected shares between 0 and 1"},
		{"a negative share", Candidate{Guest: faulty, Shadow: -1}, "expected shares between 0 and 1"},
		{"a header without a value", Candidate{Guest: faulty, Header: "X-Canary"}, "expected a header as name: value"},
		{"no Wasm", Candidate{Guest: []byte("no"), Canary: 0.1}, "not a valid WebAssembly module"},
	} {
		t.Run(c.name, func(t *testing.T) {
			err := w.StartCandidate(t.Context(), c.Candidate)
			if !errors.Is(err, ErrGuestRefused) || !strings.Contains(err.Error(), c.want) {
				t.Errorf("found %v, expected %s", err, c.want)
			}
			if w.candidate() != nil {
				t.Error("it is tried")
			}
		})
	}
}

// A swap, a rollback and another candidate end a trial, under load and without a
// wrong answer.
func TestTrialsEndUnderLoad(t *testing.T) {
	w := newTrialWorld(t)
	faulty := wasmtest.Guest(t, "edge/testdata/faulty")
	other := append(append([]byte(nil), faulty...), custom(1)...)
	stop := make(chan struct{})
	var clients sync.WaitGroup
	for client := range 4 {
		clients.Go(func() {
			for n := client; ; n = (n + 4) % trialTenants {
				select {
				case <-stop:
					return
				default:
				}
				if n != 500 && !w.get(n, "/") {
					t.Errorf("t%d got a wrong answer", n)
				}
			}
		})
	}
	for n := range 6 {
		c := Candidate{Guest: faulty, Limits: CandidateLimits{Failures: 1, Differences: 1, Costly: 1}}
		if n%2 == 0 {
			c.Shadow = 1
		} else {
			c.Canary = 0.5
		}
		w.start(c)
		for w.candidate().Judged < 20 {
			w.get(n, "/")
		}
		switch n % 3 {
		case 0:
			c.Guest = other
			w.start(c)
		case 1:
			if err := w.AbortCandidate("enough"); err != nil {
				t.Error(err)
			}
		case 2:
			if _, err := w.Promote(t.Context()); err != nil {
				t.Error(err)
			}
			if _, err := w.Rollback(t.Context()); err != nil {
				t.Error(err)
			}
		}
	}
	close(stop)
	clients.Wait()
}

// What a shadow would write is refused, and that is no difference of decisions.
func TestAShadowWritesNothing(t *testing.T) {
	h, location := newFileHost(t, nil)
	shadow := append(wasmtest.Guest(t, "edge/testdata/fileguest"), custom(1)...)
	if err := h.StartCandidate(t.Context(), Candidate{Guest: shadow, Shadow: 1}); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct{ path, want string }{
		{"/find:t2/save:new.txt", "found new.txt"},
		{"/find:t2/begin:half.txt", "found begun"},
		{"/find:t2/delete:new.txt", "found deleted"},
		{"/find:t2/save:new.txt", "found new.txt"},
	} {
		if got, err := steps(t, h, c.path); err != nil || got != c.want {
			t.Errorf("%s: %q, %v, want %q", c.path, got, err, c.want)
		}
	}
	until(t, "the shadow has seen all requests", func() bool { s := h.Stats().Candidate; return s.Judged == 4 })
	if s := h.Stats().Candidate; s.Differing > 0 || s.Ended != "" {
		t.Errorf("%+v", s)
	}
	entries, err := os.ReadDir(filepath.Join(location, "t2"))
	var names []string
	for _, e := range entries {
		names = append(names, e.Name())
	}
	if want := []string{"a.txt", "d", "new.txt"}; err != nil || !reflect.DeepEqual(names, want) {
		t.Errorf("t2 has %v, %v, expected %v", names, err, want)
	}
}
