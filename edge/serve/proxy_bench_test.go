//go:build unix

package serve

import (
	"context"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/tenantedge/tenantedge/edge"
	"github.com/tenantedge/tenantedge/edge/config"
	"github.com/tenantedge/tenantedge/guest/abi"
)

// BenchmarkProxy runs eight clients that request pages of 1,000 bytes from an
// application through the edge, for as long as -benchtime says. To compare two
// revisions, build a test binary of each and alternate between them.
func BenchmarkProxy(b *testing.B) {
	address := benchServer(b)
	for _, c := range []struct {
		name      string
		keepAlive bool
	}{{"reused client connections", true}, {"new client connections", false}} {
		b.Run(c.name, func(b *testing.B) {
			load(b, address, c.keepAlive, time.Now().Add(3*time.Second), nil) // until connections are reused
			var left atomic.Int64
			left.Store(int64(b.N))
			before := processorTime(b)
			b.ResetTimer()
			load(b, address, c.keepAlive, time.Time{}, &left)
			b.StopTimer()
			b.ReportMetric(float64(processorTime(b)-before)/float64(b.N), "cpu-ns/op")
		})
	}
}

// benchServer starts an edge with an application and returns its address.
func benchServer(b *testing.B) string {
	page := strings.Repeat("x", 1000)
	app := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, page) }))
	b.Cleanup(app.Close)
	u, err := url.Parse(app.URL)
	if err != nil {
		b.Fatal(err)
	}
	s, err := newServer(b.Context(), edge.Config{
		GuestConfig: abi.Config{Default: &abi.DefaultTenant{URLConf: "app"}},
		Directory:   directory(), CompileCache: compiled,
		Limits: edge.GuestLimits{Deadline: patience, QueueTimeout: patience}, Logger: slog.New(slog.DiscardHandler),
	}, settings{
		Listeners: []config.Listener{{Address: "127.0.0.1:0"}}, Logger: slog.New(slog.DiscardHandler),
		Limits:   config.Limits{BodyTimeout: time.Minute, AnswerTimeout: time.Minute},
		URLConfs: map[string]config.URLConf{"app": {Upstream: u}},
	})
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { _ = s.Close() })
	if err := s.listen(); err != nil {
		b.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	b.Cleanup(cancel)
	go func() { _ = s.serve(ctx) }()
	return s.Addrs()[0].String()
}

// load requests pages until a time, or until none remain.
func load(b *testing.B, address string, keepAlive bool, until time.Time, left *atomic.Int64) {
	var all sync.WaitGroup
	for range 8 {
		all.Go(func() {
			transport := &http.Transport{DisableKeepAlives: !keepAlive}
			defer transport.CloseIdleConnections()
			for left == nil && time.Now().Before(until) || left != nil && left.Add(-1) >= 0 {
				r, err := http.NewRequest(http.MethodGet, "http://"+address, nil)
				if err != nil {
					b.Error(err)
					return
				}
				r.Host = "acme.example.com"
				resp, err := transport.RoundTrip(r)
				if err != nil {
					b.Error(err)
					return
				}
				_, _ = io.Copy(io.Discard, resp.Body)
				resp.Body.Close()
				if resp.StatusCode != http.StatusOK {
					b.Errorf("status %d", resp.StatusCode)
					return
				}
			}
		})
	}
	all.Wait()
}

func processorTime(b testing.TB) time.Duration {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		b.Fatal(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}
