package channel

import (
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"weak"
)

// Scoped is a scope that is made of a [Local], by embedding it.
type Scoped interface {
	Scope
	self() *Local
}

// Scopes keeps a layer's scopes, one for each schema, as long as somebody holds
// them or they have open channels. The zero value is ready.
type Scopes[S Scoped] struct {
	mu      sync.RWMutex
	all     map[string]*seat
	sweepAt int   // how many there are when those that are gone are looked for
	gone    Stats // what those have counted
	closed  bool
}

// seat is a scope's place. It does not keep the scope from being collected,
// except while there are open channels: their receivers may be all that is
// left of who opened them. Nobody else can come to a scope that nobody holds,
// so that what is collected is not missed.
type seat struct {
	local    weak.Pointer[Local]
	occupied atomic.Pointer[Local]
	counters *Counters
}

// sweepFirst is the least number of scopes that are looked through.
const sweepFirst = 64

// For returns the scope of a schema, made if there is none.
func (s *Scopes[S]) For(schema string, make func() (S, error)) (Scope, error) {
	s.mu.RLock()
	scope := s.find(schema)
	s.mu.RUnlock()
	if scope != nil {
		return scope, nil
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return nil, fmt.Errorf("%w: the layer", ErrClosed)
	}
	if scope := s.find(schema); scope != nil {
		return scope, nil
	}
	made, err := make()
	if err != nil {
		return nil, err
	}
	if len(s.all) >= max(s.sweepAt, sweepFirst) {
		s.sweep()
		s.sweepAt = 2 * len(s.all)
	}
	if s.all == nil {
		s.all = map[string]*seat{}
	}
	if old := s.all[schema]; old != nil {
		s.retire(schema, old)
	}
	l := made.self()
	l.owner = made
	l.seat = &seat{local: weak.Make(l), counters: l.Counters}
	s.all[strings.Clone(schema)] = l.seat
	return made, nil
}

// find returns the scope of a schema, or nil.
func (s *Scopes[S]) find(schema string) Scope {
	if seat := s.all[schema]; seat != nil {
		if l := seat.local.Value(); l != nil {
			return l.owner
		}
	}
	return nil
}

// sweep forgets the scopes that were collected.
func (s *Scopes[S]) sweep() {
	for schema, seat := range s.all {
		if seat.local.Value() == nil {
			s.retire(schema, seat)
		}
	}
}

func (s *Scopes[S]) retire(schema string, seat *seat) {
	counted := seat.counters.stats()
	counted.Broken = 0
	s.gone.Add(counted)
	delete(s.all, schema)
}

// Stats sums the scopes' counts, those of scopes that are gone included.
func (s *Scopes[S]) Stats() Stats {
	s.mu.Lock()
	s.sweep()
	sum, all := s.gone, s.live()
	s.mu.Unlock()
	// Without the lock: a tenant that is busy with itself keeps nobody from
	// finding another's scope.
	for _, scope := range all {
		sum.Add(scope.Stats())
	}
	return sum
}

func (s *Scopes[S]) live() []S {
	all := make([]S, 0, len(s.all))
	for _, seat := range s.all {
		if l := seat.local.Value(); l != nil {
			all = append(all, l.owner.(S))
		}
	}
	return all
}

// Close makes For fail for new schemas, and returns the scopes there are.
func (s *Scopes[S]) Close() []S {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.closed = true
	return s.live()
}
