package tenantedge

import (
	"context"
	"log/slog"
	"sync/atomic"
)

// switched is a slog.Handler that passes records to another one, which can be
// replaced: an edge outlives the configuration that opened its logs.
type switched struct {
	current *atomic.Pointer[slog.Handler]
	derive  []func(slog.Handler) slog.Handler // of With and WithGroup
	cached  *atomic.Pointer[derived]
}

// derived is the handler that derive makes of another one.
type derived struct {
	from *slog.Handler
	made slog.Handler
}

func newSwitched(h slog.Handler) *switched {
	s := &switched{current: new(atomic.Pointer[slog.Handler]), cached: new(atomic.Pointer[derived])}
	s.use(h)
	return s
}

// use makes h get the further records, also those of handlers that were derived
// from s.
func (s *switched) use(h slog.Handler) { s.current.Store(&h) }

func (s *switched) handler() slog.Handler {
	from := s.current.Load()
	if c := s.cached.Load(); c != nil && c.from == from {
		return c.made
	}
	made := *from
	for _, d := range s.derive {
		made = d(made)
	}
	s.cached.Store(&derived{from, made})
	return made
}

func (s *switched) with(d func(slog.Handler) slog.Handler) slog.Handler {
	all := append(s.derive[:len(s.derive):len(s.derive)], d)
	return &switched{current: s.current, derive: all, cached: new(atomic.Pointer[derived])}
}

func (s *switched) Enabled(ctx context.Context, l slog.Level) bool {
	return s.handler().Enabled(ctx, l)
}

func (s *switched) Handle(ctx context.Context, r slog.Record) error {
	return s.handler().Handle(ctx, r)
}

func (s *switched) WithAttrs(attrs []slog.Attr) slog.Handler {
	return s.with(func(h slog.Handler) slog.Handler { return h.WithAttrs(attrs) })
}

func (s *switched) WithGroup(name string) slog.Handler {
	return s.with(func(h slog.Handler) slog.Handler { return h.WithGroup(name) })
}

var _ slog.Handler = (*switched)(nil)
