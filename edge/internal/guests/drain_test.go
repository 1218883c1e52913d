package guests

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/tenantedge/tenantedge/assets"
	"github.com/tenantedge/tenantedge/edge/internal/wasm/wasmtest"
)

// patience bounds how long a test waits on a busy machine.
const patience = time.Minute

// until waits for a condition that other goroutines make true.
func until(t *testing.T, what string, holds func() bool) {
	t.Helper()
	tick := time.NewTicker(time.Millisecond)
	defer tick.Stop()
	for late := time.After(patience); !holds(); {
		select {
		case <-tick.C:
		case <-late:
			t.Fatalf("timed out after %v: %s", patience, what)
		}
	}
}

func TestASwapDoesNotWaitForCallsOfASupersededGuest(t *testing.T) {
	s := newSet(t, wasmtest.Sound().Wasm(), nil)
	ctx := context.Background()
	var d Decision
	if err := s.Route(ctx, &Request{Host: "example.com", Target: "/"}, &d); err != nil {
		t.Fatal(err)
	}
	first := s.Current()
	held, err := first.program.Borrow(ctx)
	if err != nil {
		t.Fatal(err)
	}
	for n := range byte(2) {
		if _, err := s.Swap(ctx, append(wasmtest.Sound().Wasm(), 0, 3, 1, 'n', n)); err != nil {
			t.Fatal(err)
		}
	}
	if got := s.Stats(); got.Draining != 1 || got.Swaps != 2 || got.Total.Busy != 1 {
		t.Errorf("while a call runs: %+v", got)
	}
	first.program.Return(held)
	until(t, "the first guest is closed", func() bool { return s.Stats().Draining == 0 })
	if got := s.Stats(); got.Total.Calls != 1 || got.Total.Busy != 0 || got.Current.Calls != 0 {
		t.Errorf("after the call: %+v", got)
	}
}

func TestACallThatOutlivesTheBoundIsLoggedAndWaitedFor(t *testing.T) {
	var log logBuffer
	s := newSet(t, wasmtest.Sound().Wasm(), func(c *Config) { c.Logger = log.logger() })
	g := s.Current()
	held, err := g.program.Borrow(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan struct{})
	go func() { s.retire(g, 0); close(done) }()
	until(t, "a line of the log", func() bool {
		return strings.Contains(log.String(), "a superseded guest still has calls; its memory is freed when they end")
	})
	if err := s.drain(0); err == nil || !strings.Contains(err.Error(), "calls still run: 1") {
		t.Errorf("Close returned %v", err)
	}
	g.program.Return(held)
	<-done
}

func TestGoingBackReusesTheGuestBefore(t *testing.T) {
	s := newSet(t, assets.Router, nil)
	ctx := context.Background()
	first := s.Current()
	if _, err := s.Swap(ctx, wasmtest.Sound().Wasm()); err != nil {
		t.Fatal(err)
	}
	second := s.Current()
	if r, err := s.Rollback(ctx); err != nil || !r.Reused || s.Current() != first {
		t.Errorf("rollback: %+v, %v", r, err)
	}
	if r, err := s.Swap(ctx, wasmtest.Sound().Wasm()); err != nil || !r.Reused || s.Current() != second {
		t.Errorf("a swap to the previous guest: %+v, %v", r, err)
	}
	if got := s.Stats(); got.Swaps != 2 || got.Rollbacks != 1 || got.FailedSwaps != 0 || got.Draining != 0 {
		t.Errorf("the statistics are %+v", got)
	}
}
