package channel

import (
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"weak"

	"github.com/tenantedge/tenantedge/edge/channel/internal/wire"
)

// scopes are the scopes of a layer, one for each schema, as long as they are
// referenced or have open channels. The zero value is ready for use.
type scopes struct {
	mu      sync.RWMutex
	all     map[string]*scopeRef
	sweepAt int   // the length of all from which collected scopes are removed
	removed Stats // counts of collected scopes
	closed  bool
}

// scopeRef refers to a scope without keeping it from the garbage collector,
// except while it has open channels: their receivers may hold the only
// references to it. A collected scope cannot be distinguished from one that was
// never made, since no caller has a reference to it.
type scopeRef struct {
	scope    weak.Pointer[scope]
	pinned   atomic.Pointer[scope]
	counters *wire.Counters
}

// minSweep is the least number of scopes that a sweep looks at.
const minSweep = 64

// find returns the scope of a schema, and makes it if there is none.
func (s *scopes) find(schema string, make func(schema string) (*scope, error)) (*scope, error) {
	s.mu.RLock()
	found := s.lookup(schema)
	s.mu.RUnlock()
	if found != nil {
		return found, nil
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return nil, errLayerClosed
	}
	if found := s.lookup(schema); found != nil {
		return found, nil
	}
	made, err := make(schema)
	if err != nil {
		return nil, err
	}
	s.addLocked(schema, made)
	return made, nil
}

var errLayerClosed = fmt.Errorf("%w: the layer", ErrClosed)

func (s *scopes) addLocked(schema string, made *scope) {
	if len(s.all) >= max(s.sweepAt, minSweep) {
		s.sweep()
		s.sweepAt = 2 * len(s.all)
	}
	if s.all == nil {
		s.all = map[string]*scopeRef{}
	}
	if old := s.all[schema]; old != nil {
		s.remove(schema, old)
	}
	made.ref = &scopeRef{scope: weak.Make(made), counters: made.counters}
	s.all[strings.Clone(schema)] = made.ref
}

// lookup returns the scope of a schema, or nil.
func (s *scopes) lookup(schema string) *scope {
	if ref := s.all[schema]; ref != nil {
		return ref.scope.Value()
	}
	return nil
}

// sweep removes the scopes that were collected.
func (s *scopes) sweep() {
	for schema, ref := range s.all {
		if ref.scope.Value() == nil {
			s.remove(schema, ref)
		}
	}
}

func (s *scopes) remove(schema string, ref *scopeRef) {
	counted := statsOf(ref.counters)
	counted.Broken = 0
	s.removed.Add(counted)
	delete(s.all, schema)
}

// stats returns the sum of the scopes' counts, including those of collected
// scopes.
func (s *scopes) stats() Stats {
	s.mu.Lock()
	s.sweep()
	sum, all := s.removed, s.live()
	s.mu.Unlock()
	// Without the lock: a tenant whose own lock is contended must not delay the
	// lookup of other tenants.
	for _, scope := range all {
		sum.Add(scope.Stats())
	}
	return sum
}

func (s *scopes) live() []*scope {
	all := make([]*scope, 0, len(s.all))
	for _, ref := range s.all {
		if scope := ref.scope.Value(); scope != nil {
			all = append(all, scope)
		}
	}
	return all
}

// close makes find fail for new schemas, and returns the existing scopes.
func (s *scopes) close() []*scope {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.closed = true
	return s.live()
}
