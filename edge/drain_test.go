package edge

import (
	"context"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/tenantedge/tenantedge/edge/internal/wasm/wasmtest"
	"github.com/tenantedge/tenantedge/guest/abi"
)

// until waits for what other goroutines bring about.
func until(t *testing.T, what string, holds func() bool) {
	t.Helper()
	tick := time.NewTicker(time.Millisecond)
	defer tick.Stop()
	for late := time.After(patience); !holds(); {
		select {
		case <-tick.C:
		case <-late:
			t.Fatalf("not after %v: %s", patience, what)
		}
	}
}

func TestASwapDoesNotWaitForCallsOfASupersededGuest(t *testing.T) {
	h := newHost(t, func(c *Config) { c.Guest = wasmtest.Sound().Wasm() })
	ctx := context.Background()
	if _, err := h.Route(ctx, &Request{Host: "example.com", Target: "/"}); err != nil {
		t.Fatal(err)
	}
	first := h.current.Load()
	held, err := first.program.Borrow(ctx)
	if err != nil {
		t.Fatal(err)
	}
	for n := range byte(2) {
		if _, err := h.Swap(ctx, append(wasmtest.Sound().Wasm(), 0, 3, 1, 'n', n)); err != nil {
			t.Fatal(err)
		}
	}
	if s := h.Stats(); s.Draining != 1 || s.Swaps != 2 || s.Total.Lent != 1 {
		t.Errorf("while a call runs: %+v", s)
	}
	first.program.Return(held)
	until(t, "the first guest closed", func() bool { return h.Stats().Draining == 0 })
	if s := h.Stats(); s.Total.Calls != 1 || s.Total.Lent != 0 || s.Current.Calls != 0 {
		t.Errorf("after it: %+v", s)
	}
}

func TestACallThatOutlivesTheBoundIsLoggedAndWaitedFor(t *testing.T) {
	var log journal
	h := newHost(t, func(c *Config) {
		c.Guest, c.Logger = wasmtest.Sound().Wasm(), log.logger()
	})
	g := h.current.Load()
	held, err := g.program.Borrow(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan struct{})
	go func() { h.retire(g, 0); close(done) }()
	until(t, "a line of the log", func() bool {
		return strings.Contains(log.String(), "a superseded guest still has calls; its memory comes back when they end")
	})
	if err := h.close(0); err == nil || !strings.Contains(err.Error(), "calls still run: 1") {
		t.Errorf("closing said %v", err)
	}
	g.program.Return(held)
	<-done
}

func TestGoingBackReusesTheGuestBefore(t *testing.T) {
	h := newHost(t, nil)
	ctx := context.Background()
	first := h.current.Load()
	if _, err := h.Swap(ctx, wasmtest.Sound().Wasm()); err != nil {
		t.Fatal(err)
	}
	second := h.current.Load()
	if r, err := h.Rollback(ctx); err != nil || !r.Reused || h.current.Load() != first {
		t.Errorf("rollback: %+v, %v", r, err)
	}
	if r, err := h.Swap(ctx, wasmtest.Sound().Wasm()); err != nil || !r.Reused || h.current.Load() != second {
		t.Errorf("a swap to the guest before: %+v, %v", r, err)
	}
	if s := h.Stats(); s.Swaps != 2 || s.Rollbacks != 1 || s.FailedSwaps != 0 || s.Draining != 0 {
		t.Errorf("the statistics are %+v", s)
	}
}

func TestAReportNamesTheEngineAndWhatTheGuestLeavesToTheHost(t *testing.T) {
	h := newHost(t, func(c *Config) { c.Limits.Instances = 1 })
	r := h.Report()
	if r.Guest.Digest == "" || r.Engine.Instances == 0 {
		t.Errorf("the default guest: %+v", r)
	}
	if e := r.Engine; e.Reset == "" || e.FuelVersion < 1 || e.Instances != 1 || e.ImageBytes < 65536 || e.CompileCache == "" {
		t.Errorf("its engine: %+v", e)
	}
	r, err := h.Swap(context.Background(), wasmtest.Sound().Wasm())
	for _, name := range []string{abi.ExportCacheKey, abi.ExportReverseKey, abi.ExportPathname, abi.ExportSelfTest} {
		if err != nil || !slices.Contains(r.Missing, name) {
			t.Errorf("a guest that only routes: %+v, %v, want %s to be missing", r, err, name)
		}
	}
}

func TestResultsOfRequestsAreCounted(t *testing.T) {
	var log journal
	trap := wasmtest.Sound().With(abi.ExportRoute, 0x00).Wasm()
	h := newHost(t, func(c *Config) { c.Logger = log.logger() })
	gone, cancel := context.WithCancel(context.Background())
	cancel()
	get := func(host, target string) *httptest.ResponseRecorder {
		r := httptest.NewRequest("GET", target, nil)
		r.Host = host
		return serve(h, r, nil)
	}
	get("example.com", "/")
	get("t1.example.com", "/")
	get("old.example.com", "/")
	get("nobody.example.com", "/")
	get("bad host", "/")
	get("example.com", "/"+strings.Repeat("a", abi.BufferSize))
	if _, err := h.Swap(context.Background(), trap); err != nil {
		t.Fatal(err)
	}
	page := get("example.com", "/").Body.String()
	for result, want := range map[Result]uint64{
		ResultTenant: 2, ResultRedirect: 1, ResultNotFound: 1, ResultBad: 1, ResultTooLarge: 1, ResultGuest: 1,
		ResultNone: 0, ResultConflict: 0, ResultBusy: 0, ResultGone: 0, ResultError: 0,
	} {
		if got := h.Stats().Requests[result]; got != want {
			t.Errorf("%s: %d, want %d", result, got, want)
		}
	}
	for _, want := range []string{"trap=trap", "fuel=", "export=te_route", "guest=" + h.Guest().Digest, "status=502"} {
		if !strings.Contains(log.String(), want) {
			t.Errorf("the log is %s, want %q in it", log.String(), want)
		}
	}
	if strings.Contains(page, "trap") || !strings.Contains(log.String(), strings.TrimSpace(page[strings.LastIndex(page, " ")+1:])) {
		t.Errorf("the client reads %q", page)
	}
	for err, want := range map[error]Result{
		gone.Err(): ResultGone, ErrBusy: ResultBusy, http.ErrAbortHandler: ResultError,
		&GuestError{Reason: TrapCancelled, Err: ErrGuest}: ResultGone, &GuestError{Reason: TrapDeadline, Err: context.DeadlineExceeded}: ResultGuest,
	} {
		if got := resultOf(failure(err)); got != want {
			t.Errorf("%v is counted as %s, want %s", err, got, want)
		}
	}
}
