package web

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os/exec"
	"path/filepath"
	"time"

	"github.com/tenantedge/tenantedge/bench/process"
)

// Observed is a way to run tenantedge as a proxy whose requests are observed.
type Observed struct {
	Name, Title string
	program     string // in the work folder
	access      bool   // log each request
	sample      string // share of the requests that are traced; empty: none
	scrape      bool   // read the metrics each second
}

// The ways that the goal compares.
const (
	ObservedBase = "base"
	Unobserved   = "nothing"
	ObservedAll  = "all-1"
	ObservedFull = "all-100"
)

// ObservedWays returns the ways. The first needs BuildBase.
func ObservedWays() []Observed {
	return []Observed{
		{Name: ObservedBase, Title: "an older commit, without these metrics and ids", program: "tenantedge-base"},
		{Name: Unobserved, Title: "metrics that are not scraped", program: "tenantedge"},
		{Name: "access", Title: "access log", program: "tenantedge", access: true},
		{Name: "trace-1", Title: "traces of 1 %", program: "tenantedge", sample: "1%"},
		{Name: "trace-100", Title: "traces of 100 %", program: "tenantedge", sample: "100%"},
		{Name: ObservedAll, Title: "metrics, read each second, access log, traces of 1 %", program: "tenantedge", access: true, sample: "1%", scrape: true},
		{Name: ObservedFull, Title: "metrics, read each second, access log, traces of 100 %", program: "tenantedge", access: true, sample: "100%", scrape: true},
	}
}

// BuildBase builds the program of the commit that is checked out in a folder.
func BuildBase(ctx context.Context, work, tree string) error {
	build := exec.CommandContext(ctx, "go", "build", "-trimpath", "-o", filepath.Join(work, "tenantedge-base"), "./edge/cmd/tenantedge")
	build.Dir = tree
	if text, err := build.CombinedOutput(); err != nil {
		return fmt.Errorf("web: building the older commit: %w: %.300s", err, text)
	}
	return nil
}

// BuildEdge builds the program of this commit into the work folder.
func BuildEdge(ctx context.Context, work string) error {
	_, err := buildEdge(ctx, work)
	return err
}

// Start starts the proxy. collector is the URL to which it sends spans.
func (o Observed) Start(ctx context.Context, work, upstream, collector string) (*Server, error) {
	address, err := process.FreeAddress()
	if err != nil {
		return nil, err
	}
	admin, err := process.FreeAddress()
	if err != nil {
		return nil, err
	}
	text := fmt.Sprintf(`listeners: [%q]
admin: %q
tenants:
  public: {}
  tenant1: {DOMAINS: [%s], URLCONF: app}
urlconfs: {app: "http://%s"}
guest: {compile_cache: %s}
logs: {format: json, access: %v}
`, address, admin, FilesHost, upstream, edgeCache(work)+"-"+o.program, o.access)
	if o.sample != "" {
		text += fmt.Sprintf("tracing: {endpoint: %q, sample: %s}\n", collector, o.sample)
	}
	config := filepath.Join(work, "observed-"+o.Name+".yaml")
	// Lines of the access log are written, but not to where the benchmark is watched.
	quiet := exec.CommandContext(ctx, "sh", "-c", `exec "$0" serve --config "$1" 2>/dev/null`, filepath.Join(work, o.program), config)
	command := configured(quiet, config, text)
	s, err := startUnprivileged(ctx, o.Name, command, address)
	if err == nil && o.scrape {
		go scrape(ctx, "http://"+admin+"/metrics")
	}
	return s, err
}

// scrape reads metrics each second until they cannot be read any more.
func scrape(ctx context.Context, url string) {
	for {
		select {
		case <-ctx.Done():
			return
		case <-time.After(time.Second):
		}
		response, err := http.Get(url)
		if err != nil {
			return
		}
		_, _ = io.Copy(io.Discard, response.Body)
		response.Body.Close()
	}
}

// StartCollector starts a collector that drops the spans that it gets.
func StartCollector() *httptest.Server {
	return httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { _, _ = io.Copy(io.Discard, r.Body) }))
}
