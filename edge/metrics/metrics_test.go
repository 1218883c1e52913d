package metrics_test

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"github.com/tenantedge/tenantedge/edge"
	"github.com/tenantedge/tenantedge/edge/internal/wasm/wasmtest"
	"github.com/tenantedge/tenantedge/edge/metrics"
	"github.com/tenantedge/tenantedge/edge/session"
	"github.com/tenantedge/tenantedge/tenantdb"
)

// scrape returns the /metrics page of a registry with these collectors.
func scrape(t *testing.T, all ...prometheus.Collector) string {
	t.Helper()
	r := prometheus.NewPedanticRegistry()
	for _, c := range all {
		if err := r.Register(c); err != nil {
			t.Fatal(err)
		}
	}
	w := httptest.NewRecorder()
	promhttp.HandlerFor(r, promhttp.HandlerOpts{}).ServeHTTP(w, httptest.NewRequest("GET", "/metrics", nil))
	if w.Code != http.StatusOK {
		t.Fatalf("%d: %s", w.Code, w.Body)
	}
	return w.Body.String()
}

func expectLines(t *testing.T, page string, lines ...string) {
	t.Helper()
	for _, line := range lines {
		if !strings.Contains(page, "\n"+line) {
			t.Errorf("%q is missing in\n%s", line, page)
		}
	}
}

func TestMetricsOfAHostSurviveASwap(t *testing.T) {
	guest := func(n byte) []byte { return append(wasmtest.Sound().Wasm(), 0, 3, 1, 'n', n) }
	host, err := edge.New(context.Background(), edge.Config{Guest: guest(0), Limits: edge.GuestLimits{Instances: 1}})
	if err != nil {
		t.Fatal(err)
	}
	defer host.Close()
	handler := host.Middleware(http.NotFoundHandler())
	for n := range byte(4) {
		handler.ServeHTTP(httptest.NewRecorder(), httptest.NewRequest("GET", "/", nil))
		if _, err := host.Swap(context.Background(), guest(n+1)); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := host.Swap(context.Background(), nil); err == nil {
		t.Fatal("Swap accepted an empty guest")
	}
	p := scrape(t, metrics.New(metrics.Sources{Host: host.Stats}))
	expectLines(t, p,
		`tenantedge_requests_total{result="not_found"} 4`, `tenantedge_requests_total{result="guest_error"} 0`,
		"tenantedge_guest_calls_total 4",
		fmt.Sprintf(`tenantedge_guest_call_duration_seconds_count{digest="%s"} 0`, host.Stats().Guest.Digest),
		fmt.Sprintf(`tenantedge_guest_call_duration_seconds_count{digest="%s"} 1`, host.Stats().Previous.Digest),
		fmt.Sprintf(`tenantedge_guest_call_fuel_bucket{digest="%s",le="+Inf"} 1`, host.Stats().Previous.Digest),
		`tenantedge_guest_traps_total{reason="fuel"} 0`,
		`tenantedge_guest_instances_retired_total{reason="audit"} 0`,
		`tenantedge_guest_swaps_total{kind="swap"} 4`, `tenantedge_guest_swaps_total{kind="failed"} 1`,
		"tenantedge_guest_image_bytes 262144", "tenantedge_guest_queue_waiting 0",
		fmt.Sprintf(`tenantedge_guest_info{compile_cache="off",digest="%s",`, host.Stats().Guest.Digest),
	)
	if n := strings.Count(p, "tenantedge_guest_call_fuel_count"); n != 2 {
		t.Errorf("after four swaps, %d guests have distributions, want the current and the previous one", n)
	}
	if strings.Contains(p, "tenantedge_guest_fuel_total 0\n") {
		t.Error("the fuel total is 0 after four calls")
	}
}

func TestACandidateHasDistributionsOfItsOwn(t *testing.T) {
	guest := func(n byte) []byte { return append(wasmtest.Sound().Wasm(), 0, 3, 1, 'n', n) }
	host, err := edge.New(context.Background(), edge.Config{Guest: guest(0)})
	if err != nil {
		t.Fatal(err)
	}
	defer host.Close()
	if _, err := host.Swap(context.Background(), guest(1)); err != nil {
		t.Fatal(err)
	}
	counts := func() int {
		return strings.Count(scrape(t, metrics.New(metrics.Sources{Host: host.Stats})), "tenantedge_guest_call_duration_seconds_count")
	}
	for n, digests := range map[byte]int{0: 2, 2: 3} { // the first is the previous guest too
		if err := host.StartCandidate(context.Background(), edge.Candidate{Guest: guest(n), Canary: 1, Limits: edge.DefaultCandidateLimits()}); err != nil {
			t.Fatal(err)
		}
		host.Middleware(http.NotFoundHandler()).ServeHTTP(httptest.NewRecorder(), httptest.NewRequest("GET", "/", nil))
		if s := host.Stats().Candidate.Program; s.Calls != 1 || s.CallFuel.Sum != float64(s.Fuel) {
			t.Errorf("candidate %d: %+v", n, s)
		}
		if got := counts(); got != digests {
			t.Errorf("candidate %d: distributions of %d guests, want %d", n, got, digests)
		}
	}
	if err := host.AbortCandidate("the test ends it"); err != nil {
		t.Fatal(err)
	}
	if got := counts(); got != 2 {
		t.Errorf("after the trial: distributions of %d guests, want 2", got)
	}
}

func TestMetricsOfADirectory(t *testing.T) {
	d := tenantdb.NewDirectory(tenantdb.Options{})
	p := scrape(t, metrics.New(metrics.Sources{Directory: d.Stats}))
	expectLines(t, p, "tenantedge_directory_tenants 0", "tenantedge_directory_degraded 0")
	if strings.Contains(p, "tenantedge_directory_age_seconds ") {
		t.Error("a directory that was never loaded has an age")
	}
	if strings.Contains(p, "tenantedge_directory_state_file_age_seconds ") {
		t.Error("without a state file, its age is exported")
	}
	d.Note(func(u *tenantdb.Upkeep) {
		*u = tenantdb.Upkeep{Polling: "no triggers", StateFile: "state", SaveFailures: 3}
	})
	expectLines(t, scrape(t, metrics.New(metrics.Sources{Directory: d.Stats})), "tenantedge_directory_polling 1",
		"tenantedge_directory_state_file_age_seconds 0\n", "tenantedge_directory_state_file_failures_total 3")
	d.Note(func(u *tenantdb.Upkeep) { u.UnsavedSince = time.Now().Add(-time.Hour) })
	if p := scrape(t, metrics.New(metrics.Sources{Directory: d.Stats})); strings.Contains(p, "tenantedge_directory_state_file_age_seconds 0\n") {
		t.Error("the state file lacks a change and its age is 0")
	}
	d.Replace(tenantdb.State{
		Tenants: []tenantdb.Tenant{{ID: "1", Schema: "a"}},
		Domains: []tenantdb.Domain{{TenantID: "1", Domain: "a.example.com"}, {TenantID: "1", Domain: "b.example.com"}, {TenantID: "7", Domain: "c.example.com"}},
	})
	d.Degrade("the database is unavailable")
	expectLines(t, scrape(t, metrics.New(metrics.Sources{Directory: d.Stats})), "tenantedge_directory_tenants 1", "tenantedge_directory_domains 2",
		"tenantedge_directory_invalid_rows 1", "tenantedge_directory_degraded 1", "tenantedge_directory_age_seconds ")
}

func TestWarningsAreCountedByKind(t *testing.T) {
	expectLines(t, scrape(t, metrics.New(metrics.Sources{Warnings: func() map[string]int { return map[string]int{"row_www": 3, "row_folder": 0} }})),
		`tenantedge_warnings{kind="row_folder"} 0`, `tenantedge_warnings{kind="row_www"} 3`)
}

func TestSessionsAreCountedByResult_G3(t *testing.T) {
	p := scrape(t, metrics.New(metrics.Sources{
		Sessions: func() session.Stats { return session.Stats{Valid: 3, Failed: 2} },
		SessionStore: func() session.StoreStats {
			return session.StoreStats{Queries: 7, FromCache: 1, Skipped: 2, CachedRows: 4, Unavailable: true}
		},
	}))
	expectLines(t, p, `tenantedge_sessions_total{result="valid"} 3`, `tenantedge_sessions_total{result="failed"} 2`, `tenantedge_sessions_total{result="forged"} 0`,
		"tenantedge_session_queries_total 7", "tenantedge_session_cache_answers_total 1", "tenantedge_session_queries_skipped_total 2",
		"tenantedge_session_cache_rows 4", "tenantedge_session_database_unavailable 1")
}
