package guests

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/tenantedge/tenantedge/edge/internal/instance"
)

// drainTimeout is how long calls of a superseded guest may run before that is
// logged, and how long Close waits for calls. Calls end by their deadline, except
// where a host function waits longer.
const drainTimeout = 30 * time.Second

// try tries a guest in another process, so that a guest that crashes the
// compiler does not crash this one.
func (s *Set) try(ctx context.Context, wasm []byte, serving bool) error {
	if err := instance.CheckSize(wasm); err != nil {
		return &Rejected{err}
	}
	if s.config.Try == nil {
		return nil
	}
	if err := s.config.Try(ctx, wasm, serving); err != nil {
		return &Rejected{fmt.Errorf("smoke run: %w", err)}
	}
	return nil
}

// Swap replaces the current guest, which stays in use after an error. The guest that
// was replaced becomes the previous one; the former previous guest is closed in the
// background after its last call.
func (s *Set) Swap(ctx context.Context, wasm []byte) (Report, error) {
	s.swapping.Lock()
	defer s.swapping.Unlock()
	r, err := s.swap(ctx, wasm)
	s.statsMu.Lock()
	defer s.statsMu.Unlock()
	switch {
	case err != nil:
		s.failedSwaps++
	case !r.Unchanged:
		s.swaps++
	}
	return r, err
}

func (s *Set) swap(ctx context.Context, wasm []byte) (Report, error) {
	if s.closed {
		return Report{}, instance.ErrClosed
	}
	digest := instance.Digest(wasm)
	if digest == s.current.Load().program.Digest() {
		r := s.Report()
		r.Unchanged = true
		return r, nil
	}
	superseded := s.previous.Load()
	if superseded != nil && superseded.program.Digest() == digest {
		return s.restorePrevious(ctx)
	}
	if err := s.try(ctx, wasm, true); err != nil {
		return Report{}, err
	}
	next, err := s.generate(ctx, bytes.Clone(wasm))
	if err != nil {
		return Report{}, err
	}
	s.endCandidate("another guest was swapped in")
	s.exchange(next)
	s.supersede(superseded)
	return s.Report(), nil
}

// LoadPrevious loads the guest that Rollback makes current. It is for a new Set.
func (s *Set) LoadPrevious(ctx context.Context, wasm []byte) error {
	s.swapping.Lock()
	defer s.swapping.Unlock()
	if instance.Digest(wasm) == s.current.Load().program.Digest() {
		return nil
	}
	g, err := s.generate(ctx, bytes.Clone(wasm))
	if err != nil {
		return err
	}
	g.program.Park()
	s.previous.Store(g)
	return nil
}

// supersede closes a guest in the background, after its last call. nil: none.
func (s *Set) supersede(g *Generation) {
	if g == nil {
		return
	}
	s.statsMu.Lock()
	g.superseded = true
	s.statsMu.Unlock()
	go s.retire(g, drainTimeout)
}

// Rollback exchanges the current guest and the previous one.
func (s *Set) Rollback(ctx context.Context) (Report, error) {
	s.swapping.Lock()
	defer s.swapping.Unlock()
	if s.closed {
		return Report{}, instance.ErrClosed
	}
	if s.previous.Load() == nil {
		return Report{}, ErrNoPrevious
	}
	r, err := s.restorePrevious(ctx)
	if err == nil {
		s.statsMu.Lock()
		s.rollbacks++
		s.statsMu.Unlock()
	}
	return r, err
}

// restorePrevious makes the previous guest the current one.
func (s *Set) restorePrevious(ctx context.Context) (Report, error) {
	previous := s.previous.Load()
	if err := previous.program.Fill(ctx); err != nil {
		return Report{}, err
	}
	s.endCandidate("the guest was rolled back")
	s.exchange(previous)
	r := s.Report()
	r.Reused = true
	return r, nil
}

// exchange makes next the current guest, and the current one the previous, parked.
func (s *Set) exchange(next *Generation) {
	old := s.current.Swap(next)
	s.previous.Store(old)
	old.program.Park()
}

// retire closes a superseded guest after its last call. If that takes longer than the
// timeout, it is logged: memory that a call uses cannot be freed.
func (s *Set) retire(g *Generation, timeout time.Duration) {
	ctx, cancel := context.WithTimeout(context.Background(), timeout)
	defer cancel()
	err := g.program.Drain(ctx)
	if errors.Is(err, instance.ErrInUse) {
		s.config.Logger.Warn("a superseded guest still has calls; its memory is freed when they end",
			"guest", g.program.Digest(), "after", timeout.String(), "error", err)
		err = g.program.Close()
	}
	if err != nil {
		s.config.Logger.Error("closing a superseded guest failed", "guest", g.program.Digest(), "error", err)
	}
	of := g.program.Stats()
	s.statsMu.Lock()
	defer s.statsMu.Unlock()
	add(&s.past, &of)
	s.live = slices.DeleteFunc(s.live, func(other *Generation) bool { return other == g })
}

// Close rejects further calls and waits up to 30 s for those that run. The error
// states how many still run; their memory is freed when they end.
func (s *Set) Close() error {
	s.swapping.Lock()
	defer s.swapping.Unlock()
	s.closed = true
	s.endCandidate("the host was closed")
	return s.drain(drainTimeout)
}

func (s *Set) drain(timeout time.Duration) error {
	ctx, cancel := context.WithTimeout(context.Background(), timeout)
	defer cancel()
	s.statsMu.Lock()
	live := slices.Clone(s.live)
	s.statsMu.Unlock()
	var errs []error
	for _, g := range live {
		if err := g.program.Drain(ctx); err != nil {
			errs = append(errs, fmt.Errorf("closing guest %.12s: %w", g.program.Digest(), err))
		}
	}
	return errors.Join(errs...)
}
