package serve

import (
	"net/http"
	"sync"
	"sync/atomic"

	"github.com/tenantedge/tenantedge/edge/tenant"
)

// shares limits concurrent requests in total and per tenant, so that no tenant
// uses up all descriptors.
type shares struct {
	limit, share int
	websockets   *usage // counts in total

	overShare, overTotal atomic.Uint64 // requests refused at a limit

	mu      sync.Mutex
	total   int
	running map[owner]int
}

// owner is the tenant of a request. Requests without a tenant share the zero
// value.
type owner struct{ schema, id string }

func newShares(limit, share int, websockets *usage) *shares {
	return &shares{limit: limit, share: share, websockets: websockets, running: map[owner]int{}}
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
	n := s.running[o]
	switch {
	case n >= s.share:
		s.overShare.Add(1)
		return false
	case s.total+used >= s.limit:
		s.overTotal.Add(1)
		return false
	}
	s.running[o] = n + 1
	s.total++
	return true
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
}
