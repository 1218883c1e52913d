package hold

import (
	"context"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

var a, b = Tenant{"a", "1"}, Tenant{"b", "2"}

func newTestRoom(requests int) *Room {
	return NewRoom(Limits{Timeout: time.Minute, Requests: requests, Bytes: 1 << 20})
}

// enter enters a request, which must be let in.
func enter(t *testing.T, r *Room, tenant Tenant, size int64) *Waiter {
	t.Helper()
	w, outcome := r.Enter(tenant, size)
	if w == nil {
		t.Fatalf("refused: %v", outcome)
	}
	return w
}

func refused(t *testing.T, r *Room, tenant Tenant, size int64, want Outcome) {
	t.Helper()
	if w, outcome := r.Enter(tenant, size); w != nil || outcome != want {
		t.Errorf("outcome %v, want %v", outcome, want)
	}
}

func counts(t *testing.T, r *Room, waiting int, bytes int64, ended map[Outcome]uint64) {
	t.Helper()
	s := r.Stats()
	if s.Waiting != waiting || s.Bytes != bytes {
		t.Errorf("%d wait with %d bytes, want %d with %d", s.Waiting, s.Bytes, waiting, bytes)
	}
	for o, n := range s.Ended {
		if n != ended[o] {
			t.Errorf("%d ended with %v, want %d", n, o, ended[o])
		}
	}
}

func TestRequestsGoOnInTheirOrderAfterAChange(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r, changed := newTestRoom(100), make(chan struct{})
		var mu sync.Mutex
		var order []int
		released := false
		var all sync.WaitGroup
		for i := range 50 {
			w := enter(t, r, a, 10)
			all.Go(func() {
				for w.Wait(t.Context(), changed) == Again {
					mu.Lock()
					if released {
						order = append(order, i)
						w.Leave(Released)
						mu.Unlock()
						return
					}
					mu.Unlock()
				}
				t.Error("refused")
			})
		}
		synctest.Wait()
		mu.Lock()
		released = true
		mu.Unlock()
		close(changed)
		all.Wait()
		if !slices.IsSorted(order) || len(order) != 50 {
			t.Errorf("the order is %v", order)
		}
		counts(t, r, 0, 0, map[Outcome]uint64{Released: 50})
	})
}

// Only the first request of a tenant is routed again for a change, and not for each
// of a thousand.
func TestAChangeThatReleasesNobodyCostsLittle(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newTestRoom(100)
		ctx, cancel := context.WithCancel(t.Context())
		var mu sync.Mutex
		changed, routed := make(chan struct{}), 0
		var all sync.WaitGroup
		for range 100 {
			w := enter(t, r, a, 1)
			all.Go(func() {
				for {
					mu.Lock()
					now := changed
					mu.Unlock()
					if w.Wait(ctx, now) != Again {
						return
					}
					mu.Lock()
					if ctx.Err() == nil {
						routed++
					}
					mu.Unlock()
				}
			})
		}
		for range 1000 {
			synctest.Wait()
			mu.Lock()
			close(changed)
			changed = make(chan struct{})
			mu.Unlock()
		}
		synctest.Wait()
		time.Sleep(time.Second)
		mu.Lock()
		if routed < 2 || routed > 3 { // at once, and after the pause
			t.Errorf("1000 changes at once caused %d decisions", routed)
		}
		mu.Unlock()
		cancel()
		all.Wait()
		counts(t, r, 0, 0, map[Outcome]uint64{Canceled: 100})
	})
}

func TestARequestThatMissedTheChangeIsRoutedAtOnce(t *testing.T) {
	changed := make(chan struct{})
	close(changed) // after the decision, before it entered
	if o := enter(t, newTestRoom(1), a, 1).Wait(t.Context(), changed); o != Again {
		t.Errorf("outcome %v", o)
	}
}

func TestTheFirstRequestIsRoutedAgainOnDemand(t *testing.T) {
	r := newTestRoom(10)
	first, second := enter(t, r, a, 1), enter(t, r, a, 1)
	r.Reroute()
	if o := first.Wait(t.Context(), nil); o != Again {
		t.Errorf("outcome %v", o)
	}
	if len(second.turn) != 0 {
		t.Error("the second request is routed too")
	}
}

func TestAWaitIsBoundedInTimeAndEndsWithItsContext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newTestRoom(10)
		ctx, cancel := context.WithCancel(t.Context())
		first, second, third := enter(t, r, a, 1), enter(t, r, a, 1), enter(t, r, a, 1)
		go func() {
			time.Sleep(time.Second)
			cancel()
		}()
		if o := first.Wait(ctx, nil); o != Canceled {
			t.Errorf("outcome %v", o)
		}
		if o := second.Wait(t.Context(), nil); o != Again {
			t.Errorf("the next one is %v, want it to be routed as the first", o)
		}
		began := time.Now()
		if o := second.Wait(t.Context(), nil); o != TimedOut || time.Since(began) != time.Minute-time.Second {
			t.Errorf("outcome %v after %v", o, time.Since(began))
		}
		if o := third.Wait(t.Context(), nil); o != Again && o != TimedOut {
			t.Errorf("outcome %v", o)
		}
		third.Leave(Failed)
		third.Leave(Released) // has no effect
	})
}

func TestNoTenantTakesTheRoomOfAnother(t *testing.T) {
	r := newTestRoom(10)
	var ofA []*Waiter
	for range 10 {
		ofA = append(ofA, enter(t, r, a, 1)) // alone, it may have all
	}
	refused(t, r, a, 1, OverRequests)
	for range 5 {
		enter(t, r, b, 1)
	}
	refused(t, r, a, 1, OverRequests)
	refused(t, r, b, 1, OverRequests)
	if r.Waiting(a) != 5 || r.Waiting(b) != 5 {
		t.Errorf("%d and %d wait, want half for each", r.Waiting(a), r.Waiting(b))
	}
	for i, w := range ofA { // the newest ones had to leave
		if i >= 5 {
			if o := w.Wait(t.Context(), nil); o != OverRequests {
				t.Errorf("request %d: %v", i, o)
			}
		} else if w.queue == nil {
			t.Errorf("request %d had to leave", i)
		}
	}
	counts(t, r, 10, 10, map[Outcome]uint64{OverRequests: 8})
}

func TestBytesAreSharedLikeRequests(t *testing.T) {
	r := NewRoom(Limits{Timeout: time.Minute, Requests: 1000, Bytes: 100})
	refused(t, r, a, 101, OverBytes)
	large := enter(t, r, a, 60)
	enter(t, r, a, 40)
	refused(t, r, a, 1, OverBytes)
	enter(t, r, b, 30) // in place of the second of a
	refused(t, r, b, 70, OverBytes)
	enter(t, r, b, 10)
	if large.queue == nil {
		t.Error("the older request had to leave")
	}
	counts(t, r, 3, 100, map[Outcome]uint64{OverBytes: 4})
}

func TestTenThousandOfOneTenantDoNotStarveAnother(t *testing.T) {
	r := newTestRoom(10000)
	for range 10000 {
		enter(t, r, a, 1)
	}
	for range 5000 {
		enter(t, r, b, 1)
	}
	if r.Waiting(a) != 5000 || r.Waiting(b) != 5000 {
		t.Errorf("%d and %d wait", r.Waiting(a), r.Waiting(b))
	}
}

func TestAClosedRoomHasNobodyLeft(t *testing.T) {
	r := newTestRoom(10)
	w := enter(t, r, a, 1)
	enter(t, r, a, 1)
	enter(t, r, b, 1)
	r.Close()
	if o := w.Wait(t.Context(), nil); o != Stopped {
		t.Errorf("outcome %v", o)
	}
	refused(t, r, a, 1, Stopped)
	r.Close()
	counts(t, r, 0, 0, map[Outcome]uint64{Stopped: 4})
}

// Requests enter, are released, refused, canceled and closed at the same time.
func TestARoomIsConsistentUnderContention(t *testing.T) {
	r := NewRoom(Limits{Timeout: time.Millisecond, Requests: 20, Bytes: 50})
	var all sync.WaitGroup
	for i := range 64 {
		all.Go(func() {
			for n := range 200 {
				w, _ := r.Enter([]Tenant{a, b}[i%2], int64(1+n%5))
				if w == nil {
					continue
				}
				ctx, cancel := context.WithCancel(t.Context())
				if i%3 == 0 {
					cancel()
				}
				changed := make(chan struct{})
				if i%3 == 1 {
					close(changed)
				}
				for w.Wait(ctx, changed) == Again {
					if n%2 == 0 {
						w.Leave(Released)
						break
					}
				}
				cancel()
			}
		})
	}
	all.Wait()
	if s := r.Stats(); s.Waiting != 0 || s.Bytes != 0 || len(r.queues) != 0 {
		t.Errorf("%+v, and %d queues: expected an empty room", s, len(r.queues))
	}
}
