//go:build unix

package replay_test

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"slices"
	"strconv"
	"syscall"
	"testing"
	"time"

	"github.com/tenantedge/tenantedge/assets"
	"github.com/tenantedge/tenantedge/edge"
	"github.com/tenantedge/tenantedge/edge/internal/replay"
	"github.com/tenantedge/tenantedge/guest/abi"
)

// TestRate prints how many requests a core replays. TENANTEDGE_REPLAY_REQUESTS is the
// number of recorded requests.
func TestRate(t *testing.T) {
	total, err := strconv.Atoi(os.Getenv("TENANTEDGE_REPLAY_REQUESTS"))
	if err != nil {
		t.Skip("set TENANTEDGE_REPLAY_REQUESTS, for example to 1000000")
	}
	var files []string
	const batch = 10_000
	for n := 0; n < total; n += batch {
		var requests []edge.Request
		for i := range batch {
			target := fmt.Sprintf("/invoices/%d?page=%d", (n+i)*7919%100_003, i%9)
			requests = append(requests, edge.Request{Method: "GET", Scheme: "https", Host: fmt.Sprintf("h%d.example.com", (n+i)*31%hosts), Target: target})
		}
		files = append(files, recorded(t, nil, requests, nil)...)
	}
	size := int64(0)
	for _, f := range files {
		info, err := os.Stat(f)
		if err != nil {
			t.Fatal(err)
		}
		size += info.Size()
	}
	t.Logf("%d requests, %d files, %.1f bytes each", total, len(files), float64(size)/float64(total))
	for _, workers := range []int{1, 1, 2, 1, 2} {
		began, used := time.Now(), processorTime(t)
		r := replayed(t, files, replay.Options{Guest: assets.Router, Workers: workers})
		wall, cpu := time.Since(began), processorTime(t)-used
		if r.Same != uint64(total) {
			t.Fatalf("of %d requests %d are the same: %s", r.Requests, r.Same, printed(r.Kinds))
		}
		t.Logf("%d workers: %.2f s, %.2f s of processor time: %.0f requests per second of it", workers, wall.Seconds(), cpu.Seconds(), float64(total)/cpu.Seconds())
	}
}

// processorTime returns the processor time of this process.
func processorTime(t *testing.T) time.Duration {
	t.Helper()
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		t.Fatal(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// TestCostOfRecording prints the processor time of a routed request with and without
// recording 1 %, including that of writing the log.
func TestCostOfRecording(t *testing.T) {
	total, err := strconv.Atoi(os.Getenv("TENANTEDGE_RECORD_REQUESTS"))
	if err != nil {
		t.Skip("set TENANTEDGE_RECORD_REQUESTS, for example to 200000")
	}
	host := func(recording *edge.Recording) *edge.Host {
		h, err := edge.New(context.Background(), edge.Config{
			Directory: directory(t, hosts), CompileCache: compileCache, Logger: slog.New(slog.DiscardHandler),
			GuestConfig: abi.Config{Default: &abi.DefaultTenant{URLConf: "app.urls"}}, Recording: recording,
		})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() {
			if err := h.Close(); err != nil {
				t.Error(err)
			}
		})
		return h
	}
	all := []*edge.Host{host(nil), host(&edge.Recording{Folder: t.TempDir(), Rate: 0.01}), host(nil)}
	requests := visits()[:hosts]
	t.Run("routing", func(t *testing.T) {
		compareCost(t, all, func(h *edge.Host) {
			for n := range total {
				if _, err := h.Route(context.Background(), &requests[n%len(requests)]); err != nil {
					t.Fatal(err)
				}
			}
		})
	})
	t.Run("over HTTP", func(t *testing.T) {
		urls := map[*edge.Host]string{}
		for _, h := range all {
			s := httptest.NewServer(h.Middleware(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "hello") })))
			defer s.Close()
			urls[h] = s.URL
		}
		compareCost(t, all, func(h *edge.Host) {
			for n := range total / 20 {
				q, err := http.NewRequestWithContext(t.Context(), http.MethodGet, urls[h]+requests[n%len(requests)].Target, nil)
				if err != nil {
					t.Fatal(err)
				}
				q.Host = requests[n%len(requests)].Host
				resp, err := http.DefaultClient.Do(q)
				if err != nil || resp.StatusCode != http.StatusOK {
					t.Fatal(resp, err)
				}
				_, _ = io.Copy(io.Discard, resp.Body)
				_ = resp.Body.Close()
			}
		})
	})
	s := all[1].Stats().Record
	t.Logf("%d recorded, %d dropped, %d bytes", s.Written, s.Dropped, s.Bytes)
}

// compareCost prints the processor time of do with the second host, which records, and
// with the third, which does not, relative to that with the first, which does not either.
func compareCost(t *testing.T, of []*edge.Host, do func(*edge.Host)) {
	t.Helper()
	const rounds = 31
	times := make([][]time.Duration, len(of))
	for range rounds {
		for i, h := range of {
			used := processorTime(t)
			do(h)
			times[i] = append(times[i], processorTime(t)-used)
		}
	}
	for i, name := range []string{"1 % recorded", "none again"} {
		var ratios []float64
		for round := range rounds {
			ratios = append(ratios, float64(times[i+1][round])/float64(times[0][round]))
		}
		slices.Sort(ratios)
		t.Logf("%s ÷ none: median %.4f, middle half %.4f to %.4f", name, ratios[rounds/2], ratios[rounds/4], ratios[3*rounds/4])
	}
}
