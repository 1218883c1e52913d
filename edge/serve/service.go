package serve

import (
	"reflect"
	"sync"

	"github.com/prometheus/client_golang/prometheus"
)

// service is what generations share while their settings for it are the same, such as
// a database.
type service[T any] struct {
	value    T
	settings any // what it depends on
	metrics  *prometheus.Registry

	mu    sync.Mutex
	users int
	close func() error
}

// share returns before, if it was opened with the same settings, or else opens another.
// figures is what it counts; nil: nothing that l adds up.
func share[T any](l *ledger, before *service[T], settings any, open func() (T, func() error, error), figures func(T) prometheus.Collector) (*service[T], error) {
	if before != nil && reflect.DeepEqual(before.settings, settings) {
		before.mu.Lock()
		defer before.mu.Unlock()
		before.users++
		return before, nil
	}
	value, closing, err := open()
	if err != nil {
		return nil, err
	}
	s := &service[T]{value: value, settings: settings, metrics: prometheus.NewRegistry(), users: 1, close: closing}
	if l != nil && figures != nil {
		s.metrics.MustRegister(figures(value))
		l.add(s.metrics)
		s.close = func() error {
			l.close(s.metrics)
			return closing()
		}
	}
	return s, nil
}

// release closes the service when nothing uses it any more.
func (s *service[T]) release() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.users--; s.users > 0 {
		return nil
	}
	return s.close()
}
