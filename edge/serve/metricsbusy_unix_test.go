//go:build unix

package serve

import (
	"bytes"
	"crypto/tls"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/tenantedge/tenantedge/assets"
	"github.com/tenantedge/tenantedge/edge"
	"github.com/tenantedge/tenantedge/edge/config"
	"github.com/tenantedge/tenantedge/edge/internal/accounting"
	"github.com/tenantedge/tenantedge/edge/internal/fleet"
	"github.com/tenantedge/tenantedge/edge/internal/outage"
	"github.com/tenantedge/tenantedge/edge/internal/sockets"
	"github.com/tenantedge/tenantedge/edge/internal/wasm/wasmtest"
	"github.com/tenantedge/tenantedge/edge/metrics"
	"github.com/tenantedge/tenantedge/edge/session"
	"github.com/tenantedge/tenantedge/edge/storage"
	"github.com/tenantedge/tenantedge/edge/storage/disk"
	"github.com/tenantedge/tenantedge/guest/abi"
	"github.com/tenantedge/tenantedge/tenantdb"
)

// promtool returns the path of Prometheus' tool, or skips the test.
func promtool(t *testing.T) string {
	t.Helper()
	path, err := exec.LookPath("promtool")
	if err != nil {
		if everyServer {
			t.Fatal(err)
		}
		t.Skip("promtool is not installed: run .ci/prometheus.sh")
	}
	return path
}

// startObserved starts an edge that has every metric, with so many tenants.
func startObserved(t *testing.T, tenants int) *world {
	t.Helper()
	key := []adminToken{newAdminToken("t", config.RoleOperate, "operate-0123456789")}
	collector := httptest.NewServer(http.NotFoundHandler())
	t.Cleanup(collector.Close)
	all := 1.0
	w := start(t, withWebsockets(t), withTLS(t), asking("nginx"), func(s *setup) {
		state := tenantdb.State{}
		for n := range tenants {
			id := fmt.Sprint(n)
			state.Tenants = append(state.Tenants, tenantdb.Tenant{ID: id, Schema: "t" + id, Attributes: []tenantdb.Attribute{{Name: "status", Value: "active"}}})
			state.Domains = append(state.Domains, tenantdb.Domain{TenantID: id, Domain: "t" + id + ".example.com", IsPrimary: true})
		}
		state.Tenants = append(state.Tenants, tenantdb.Tenant{ID: "acme", Schema: "acme"})
		state.Domains = append(state.Domains, tenantdb.Domain{TenantID: "acme", Domain: "acme.example.com", IsPrimary: true})
		s.edge.Directory.Replace(state)
		s.edge.GuestConfig.Tenants = append(s.edge.GuestConfig.Tenants, abi.StaticTenant{Schema: "up", Domains: []string{"up.example.com"}, URLConf: "uploads"})
		s.edge.Directory.Note(func(u *tenantdb.Upkeep) { u.StateFile = "state" })
		s.edge.GuestConfig.Default.Status = &abi.Choice{Attribute: "status", Values: map[string]string{"moving": "moving"}}
		s.options.URLConfs["moving"] = config.URLConf{Hold: &config.Hold{Timeout: time.Millisecond, Requests: 1, Bytes: 1}}
		s.options.URLConfs["uploads"] = config.URLConf{Media: true, Access: config.AccessPublic, Uploads: &config.Uploads{Public: true}}
		s.options.Media = &config.Media{S3: &config.S3{Bucket: "media"}, BaseURL: "/media/", ActiveContent: "attachment"}
		s.options.OpenBucket = func(_ *config.S3, limits disk.Config) (storage.Storage, error) {
			limits.Location = t.TempDir()
			return disk.New(limits)
		}
		s.options.AdminTokens, s.options.AccessLog = key, true
		s.options.GuestFile = filepath.Join(t.TempDir(), "guest.wasm")
		if err := os.WriteFile(s.options.GuestFile, assets.Router, 0o600); err != nil {
			t.Fatal(err)
		}
		s.edge.Recording = &edge.Recording{Folder: t.TempDir(), Rate: 1}
		s.options.Tracing = &config.Tracing{Endpoint: collector.URL, Sample: (*config.Share)(&all)}
	})
	w.server.Metrics().MustRegister((&fleetNode{store: &fleet.Store{}}).metrics()...)
	accounts, err := accounting.Open(accounting.Options{})
	if err != nil {
		t.Fatal(err)
	}
	w.server.Metrics().MustRegister(usageCollector{accounts})
	w.server.Metrics().MustRegister((&querier{outage: outage.New("", nil, 0, nil)}).newGauge())
	w.server.Metrics().MustRegister(metrics.New(metrics.Sources{
		Sessions: func() session.Stats { return session.Stats{} }, SessionStore: func() session.StoreStats { return session.StoreStats{} },
		Warnings: func() map[string]int {
			kinds := map[string]int{}
			for _, kind := range config.WarningKinds {
				kinds[kind] = 1
			}
			return kinds
		},
		LogsDropped: func() uint64 { return 0 },
	}))
	if err := w.server.Host().StartCandidate(t.Context(), edge.Candidate{Guest: wasmtest.Sound().Wasm(), Shadow: 1, Limits: edge.CandidateLimits{Failures: 1, Differences: 1, Costly: 1}}); err != nil {
		t.Fatal(err)
	}
	return w
}

// insecure accepts the certificates of tests.
var insecure = &http.Client{Timeout: patience, Transport: &http.Transport{TLSClientConfig: &tls.Config{InsecureSkipVerify: true}, DisableKeepAlives: true}}

// load sends requests of all outcomes to some tenants.
func (w *world) load(tenants int) {
	w.Helper()
	if err := w.client("/echo/").Close(sockets.CodeNormal, ""); err != nil {
		w.Error(err)
	}
	for _, r := range []*http.Request{
		w.request(http.MethodPut, "up.example.com", "/media/up/a.txt", "Content-Encoding", "gzip"), // which is refused
		w.request(http.MethodGet, "localhost", "/guest"),                                           // without a token
	} {
		r.URL.Scheme = "https"
		if r.Host == "localhost" {
			r.URL.Scheme, r.URL.Host = "http", w.server.AdminAddr().String()
		}
		resp, err := insecure.Do(r)
		if err != nil {
			w.Fatal(err)
		}
		resp.Body.Close()
	}
	for n := range tenants {
		host := fmt.Sprintf("t%d.example.com", n)
		r := w.request(http.MethodGet, host, fmt.Sprintf("/path/%d", n))
		r.URL.Scheme = "https"
		resp, err := insecure.Do(r)
		if err != nil {
			w.Fatal(err)
		}
		resp.Body.Close()
	}
}

// scrape returns what Prometheus gets.
func (w *world) scrape() string {
	w.Helper()
	r := w.request(http.MethodGet, "localhost", "/metrics")
	r.URL.Host = w.server.AdminAddr().String()
	return w.do(r).body
}

// series returns how many series a page has, without those of the process and of Go.
func series(page string) (n int) {
	for line := range strings.Lines(page) {
		if strings.HasPrefix(line, "tenantedge_") {
			n++
		}
	}
	return n
}

// maxSeries is the most series that an edge exports, besides 50 for each upstream, 12
// for each hold and 50 for each of three guests. It is a bound for alerts about
// cardinality, not a target.
const maxSeries = 500

func TestABusyEdgeHasFewSeriesWithNamesThatPrometheusExpects(t *testing.T) {
	const tenants = 300
	w := startObserved(t, tenants)
	w.load(3)
	before := series(w.scrape())
	w.load(tenants)
	page := w.scrape()
	if after := series(page); after != before || after > maxSeries {
		t.Errorf("%d series, and %d after requests to %d tenants; expected the same number, and at most %d", before, after, tenants, maxSeries)
	}
	for _, secret := range []string{"t7.example.com", `"t7"`, "/path"} {
		if strings.Contains(page, secret) {
			t.Errorf("the metrics name a tenant: %s", secret)
		}
	}
	check := exec.Command(promtool(t), "check", "metrics")
	check.Stdin = strings.NewReader(page)
	if out, err := check.CombinedOutput(); err != nil || len(bytes.TrimSpace(out)) > 0 {
		t.Errorf("promtool: %v\n%s", err, out)
	}
	for _, line := range []string{
		`tenantedge_request_duration_seconds_count{status="2xx"} 303`, `tenantedge_request_duration_seconds_count{status="5xx"} 0`,
		"tenantedge_upstream_response_duration_seconds_count{status=\"2xx\",upstream=\"" + w.app.Listener.Addr().String() + "\"} 303",
		"tenantedge_upstream_failures_total{reason=\"failed\",upstream=\"" + w.app.Listener.Addr().String() + "\"} 0",
		"tenantedge_certificate_expiry_timestamp_seconds{listener=\"" + w.addr() + "\"} ", "tenantedge_guest_call_fuel_count{digest=",
	} {
		if !strings.Contains(page, "\n"+line) {
			t.Errorf("%s is missing", line)
		}
	}
}

func TestFailuresOfAnUpstreamAreCountedByReason(t *testing.T) {
	w := start(t, withApp(func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() }), func(s *setup) {
		s.options.Limits.ResponseHeaderTimeout = 20 * time.Millisecond
		s.options.URLConfs["files"] = config.URLConf{Upstream: &url.URL{Scheme: "http", Host: "127.0.0.1:1"}}
	})
	w.get("acme.example.com", "/")
	w.get("files.example.com", "/")
	for name, want := range map[string]string{
		`tenantedge_upstream_failures_total{reason="timeout",upstream="` + w.app.Listener.Addr().String() + `"}`: "1",
		`tenantedge_upstream_failures_total{reason="failed",upstream="127.0.0.1:1"}`:                             "1",
		`tenantedge_request_duration_seconds_count{status="5xx"}`:                                                "2",
	} {
		if got := w.metric(name); got != want {
			t.Errorf("%s is %q, want %s", name, got, want)
		}
	}
}

func TestRecordsOfTheAuditLogThatAreLostAreCounted(t *testing.T) {
	folder := t.TempDir()
	w := start(t, func(s *setup) { s.options.AuditLog, s.options.AdminTokens = folder+"/audit", tokens() })
	if err := os.Remove(folder + "/audit"); err != nil {
		t.Fatal(err)
	}
	if err := os.Mkdir(folder+"/audit", 0o700); err != nil { // nothing can be appended to it
		t.Fatal(err)
	}
	r := w.request(http.MethodGet, "localhost", "/guest")
	r.URL.Host = w.server.AdminAddr().String()
	w.do(r)
	if got := w.metric("tenantedge_audit_failures_total"); got != "1" {
		t.Errorf("%q records were lost, want 1", got)
	}
}
