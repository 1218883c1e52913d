package serve

import (
	"net/http"
	"sync"
	"sync/atomic"

	"github.com/tenantedge/tenantedge/edge/tenant"
)

// shares bounds how many requests are served at once, in total and for each
// tenant, so that no tenant uses up the descriptors of all.
type shares struct {
	most, share int
	taken       *taken // websockets count in total

	beyond, full atomic.Uint64 // requests that were refused

	mu      sync.Mutex
	total   int
	running map[owner]int
}

// owner is whom a request counts for; the zero value is for requests without a
// tenant, which are one owner together.
type owner struct{ schema, id string }

func newShares(most, share int, taken *taken) *shares {
	return &shares{most: most, share: share, taken: taken, running: map[owner]int{}}
}

func ownerOf(r *http.Request) owner {
	if t, ok := tenant.From(r.Context()); ok {
		return owner{t.Schema, t.ID}
	}
	return owner{}
}

// take counts a request and reports whether it may be served. If so, give
// must be called after it.
func (s *shares) take(o owner) bool {
	_, taken := s.taken.count()
	s.mu.Lock()
	defer s.mu.Unlock()
	n := s.running[o]
	switch {
	case n >= s.share:
		s.beyond.Add(1)
		return false
	case s.total+taken >= s.most:
		s.full.Add(1)
		return false
	}
	s.running[o] = n + 1
	s.total++
	return true
}

func (s *shares) give(o owner) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.total--
	if n := s.running[o]; n > 1 {
		s.running[o] = n - 1
	} else {
		delete(s.running, o)
	}
}
