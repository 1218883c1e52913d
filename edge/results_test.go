package edge

import (
	"context"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/tenantedge/tenantedge/edge/internal/wasm/wasmtest"
	"github.com/tenantedge/tenantedge/edge/stats"
	"github.com/tenantedge/tenantedge/guest/abi"
)

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
	get("unknown.example.com", "/")
	get("bad host", "/")
	get("example.com", "/"+strings.Repeat("a", abi.BufferSize))
	if _, err := h.Swap(context.Background(), trap); err != nil {
		t.Fatal(err)
	}
	page := get("example.com", "/").Body.String()
	for result, want := range map[stats.Result]uint64{
		stats.ResultTenant: 2, stats.ResultRedirect: 1, stats.ResultNotFound: 1, stats.ResultBad: 1, stats.ResultTooLarge: 1, stats.ResultGuest: 1,
		stats.ResultNone: 0, stats.ResultConflict: 0, stats.ResultBusy: 0, stats.ResultCancelled: 0, stats.ResultError: 0,
	} {
		if got := h.Stats().Requests[result]; got != want {
			t.Errorf("%s: %d, want %d", result, got, want)
		}
	}
	for _, want := range []string{"trap=trap", "fuel=", "export=te_route", "guest=" + h.GuestDigest(), "status=502"} {
		if !strings.Contains(log.String(), want) {
			t.Errorf("the log is %s, want %q in it", log.String(), want)
		}
	}
	if strings.Contains(page, "trap") || !strings.Contains(log.String(), strings.TrimSpace(page[strings.LastIndex(page, " ")+1:])) {
		t.Errorf("the client received %q", page)
	}
	for err, want := range map[error]stats.Result{
		gone.Err(): stats.ResultCancelled, ErrBusy: stats.ResultBusy, http.ErrAbortHandler: stats.ResultError,
		&GuestError{Trap: stats.TrapCancelled, Err: context.Canceled}: stats.ResultCancelled, &GuestError{Trap: stats.TrapDeadline, Err: context.DeadlineExceeded}: stats.ResultGuest,
	} {
		if got := resultOf(AsRouteError(err)); got != want {
			t.Errorf("%v is counted as %s, want %s", err, got, want)
		}
	}
}
