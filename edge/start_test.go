package edge

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"os"
	"os/exec"
	"slices"
	"testing"
	"time"

	"github.com/tenantedge/tenantedge/edge/internal/soak"
	"github.com/tenantedge/tenantedge/guest/abi"
)

// startVariable is an environment variable with the folder of a compile cache. It
// makes a test process one that starts, routes a request and ends.
const startVariable = "TENANTEDGE_TEST_START"

// started is what such a process writes, as JSON.
type started struct {
	New, FirstRequest time.Duration // FirstRequest includes New
	CompileCache      string
}

// startFigure adds the processor time of the process.
type startFigure struct {
	started
	Processor time.Duration
}

// startChild runs in such a process. The cache "none" means no compile cache.
func startChild(cache string) error {
	if cache == "none" {
		cache = ""
	}
	ctx := context.Background()
	began := time.Now()
	h, err := New(ctx, Config{
		GuestConfig:  abi.Config{Tenants: []abi.StaticTenant{{Schema: "www", Domains: []string{"example.com"}}}},
		Logger:       slog.New(slog.DiscardHandler),
		CompileCache: cache,
	})
	if err != nil {
		return err
	}
	s := started{New: time.Since(began), CompileCache: h.Stats().Engine.CompileCache}
	d, err := h.Route(ctx, &Request{Method: "GET", Scheme: "http", Host: "example.com", Target: "/"})
	if err != nil || d.Tenant.Schema != "www" {
		return fmt.Errorf("the first request gets %+v, %w", d.Tenant, err)
	}
	s.FirstRequest = time.Since(began)
	if err := json.NewEncoder(os.Stdout).Encode(s); err != nil {
		return err
	}
	return h.Close()
}

// start starts such a process and waits until it ends.
func start(t *testing.T, cache string) startFigure {
	t.Helper()
	c := exec.Command(os.Args[0])
	c.Env = append(os.Environ(), startVariable+"="+cache)
	c.Stderr = os.Stderr
	out, err := c.Output()
	if err != nil {
		t.Fatal(err)
	}
	var s started
	if err := json.Unmarshal(out, &s); err != nil {
		t.Fatalf("the process wrote %q: %v", out, err)
	}
	return startFigure{s, c.ProcessState.UserTime() + c.ProcessState.SystemTime()}
}

func TestAProcessStartsAndRoutes(t *testing.T) {
	rounds := soak.Times(t, "TENANTEDGE_STARTS", 1)
	figures := map[string][]startFigure{}
	start(t, compileCache) // fills the cache, if no other test has
	for range rounds {
		s := start(t, compileCache)
		if s.CompileCache != "hit" {
			t.Errorf("the cache of a later start is %q", s.CompileCache)
		}
		figures["warm compile cache"] = append(figures["warm compile cache"], s)
		if os.Getenv("TENANTEDGE_STARTS") != "" {
			figures["no compile cache"] = append(figures["no compile cache"], start(t, "none"))
		}
	}
	for name, all := range figures {
		slices.SortFunc(all, func(a, b startFigure) int { return cmp.Compare(a.FirstRequest, b.FirstRequest) })
		ms := func(d time.Duration) time.Duration { return d.Round(time.Millisecond) }
		median := all[len(all)/2]
		t.Logf("first request with %s: median %v, %v to %v in %d starts; processor time of the median's process %v", name,
			ms(median.FirstRequest), ms(all[0].FirstRequest), ms(all[len(all)-1].FirstRequest), len(all), ms(median.Processor))
	}
	soak.Figures(t, "start", figures)
}
