package channel

import (
	"fmt"
	"strings"
	"sync"
)

// Scopes keeps a layer's scopes, one for each schema. The zero value is ready.
type Scopes[S Scope] struct {
	mu     sync.RWMutex
	all    map[string]S
	closed bool
}

// For returns the scope of a schema, made at the first call.
func (s *Scopes[S]) For(schema string, make func() (S, error)) (Scope, error) {
	s.mu.RLock()
	scope, found := s.all[schema]
	s.mu.RUnlock()
	if found {
		return scope, nil
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return nil, fmt.Errorf("%w: the layer", ErrClosed)
	}
	if scope, found := s.all[schema]; found {
		return scope, nil
	}
	scope, err := make()
	if err != nil {
		return nil, err
	}
	if s.all == nil {
		s.all = map[string]S{}
	}
	s.all[strings.Clone(schema)] = scope
	return scope, nil
}

// Stats sums the scopes' counts.
func (s *Scopes[S]) Stats() (sum Stats) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	for _, scope := range s.all {
		sum.Add(scope.Stats())
	}
	return sum
}

// Close makes For fail for new schemas, and returns the scopes there are.
func (s *Scopes[S]) Close() []S {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.closed = true
	all := make([]S, 0, len(s.all))
	for _, scope := range s.all {
		all = append(all, scope)
	}
	return all
}
