package serve

import (
	"context"
	"net/http"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/tenantedge/tenantedge/edge/tenant"
)

// shares limits concurrent requests in total and per tenant, so that no tenant
// uses up all descriptors.
type shares struct {
	websockets *usage // counts in total

	overShare, overTotal atomic.Uint64 // requests refused at a limit

	mu      sync.Mutex
	limit   int // in total
	share   int // of one tenant
	total   int
	running map[owner]int
	pending []*pending // requests that wait for others to end, oldest first
}

// pending is a request in shares.await.
type pending struct {
	owner owner
	ready chan struct{} // closed when it is counted
}

// owner is the tenant of a request. Requests without a tenant share the zero
// value.
type owner struct{ schema, id string }

func newShares(websockets *usage) *shares {
	return &shares{websockets: websockets, running: map[owner]int{}}
}

// setLimits sets the limits for further requests.
func (s *shares) setLimits(limit, share int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.limit, s.share = limit, share
	s.admitLocked()
}

func ownerOf(r *http.Request) owner {
	if t, ok := tenant.From(r.Context()); ok {
		return owner{t.Schema, t.ID}
	}
	return owner{}
}

// acquire counts a request and reports whether it may be served. If so, call
// release after it.
func (s *shares) acquire(o owner) bool {
	_, used := s.websockets.count()
	s.mu.Lock()
	defer s.mu.Unlock()
	full := s.fullLocked(o, used)
	if full != nil {
		full.Add(1)
		return false
	}
	s.countLocked(o)
	return true
}

// fullLocked returns the counter of the limit at which the owner is, or nil.
func (s *shares) fullLocked(o owner, used int) *atomic.Uint64 {
	switch {
	case s.running[o] >= s.share:
		return &s.overShare
	case s.total+used >= s.limit:
		return &s.overTotal
	}
	return nil
}

func (s *shares) countLocked(o owner) {
	s.running[o]++
	s.total++
}

// await is acquire for a request that can wait until others end, at most until the
// deadline. Requests get their turn in the order of the calls.
func (s *shares) await(ctx context.Context, o owner, deadline time.Time) bool {
	ctx, cancel := context.WithDeadline(ctx, deadline)
	defer cancel()
	p := &pending{o, make(chan struct{})}
	s.mu.Lock()
	s.pending = append(s.pending, p)
	s.admitLocked() // one may have ended since acquire
	s.mu.Unlock()
	select {
	case <-p.ready:
		return true
	case <-ctx.Done():
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	i := slices.Index(s.pending, p)
	if i < 0 {
		return true // its turn came just now
	}
	s.pending = slices.Delete(s.pending, i, i+1)
	return false
}

// admitLocked counts the pending requests for which there is room now.
func (s *shares) admitLocked() {
	if len(s.pending) == 0 {
		return
	}
	_, used := s.websockets.count()
	s.pending = slices.DeleteFunc(s.pending, func(p *pending) bool {
		if s.fullLocked(p.owner, used) != nil {
			return false
		}
		s.countLocked(p.owner)
		close(p.ready)
		return true
	})
}

func (s *shares) release(o owner) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.total--
	if n := s.running[o]; n > 1 {
		s.running[o] = n - 1
	} else {
		delete(s.running, o)
	}
	s.admitLocked()
}

// count returns how many requests of an owner are in progress.
func (s *shares) count(o owner) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.running[o]
}
