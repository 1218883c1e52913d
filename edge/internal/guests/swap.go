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
func (s *Set) try(ctx context.Context, wasm []byte) error {
	if err := instance.CheckSize(wasm); err != nil {
		return &Rejected{err}
	}
	if s.config.Try == nil {
		return nil
	}
	if err := s.config.Try(ctx, wasm); err != nil {
		return &Rejected{fmt.Errorf("smoke run: %w", err)}
	}
	return nil
}

// Swap replaces the current guest. After an error it goes on. The guest that was
// replaced is kept as the previous one; the guest before it is closed in the
// background when its last call has ended.
func (s *Set) Swap(ctx context.Context, wasm []byte) (Report, error) {
	s.swapping.Lock()
	defer s.swapping.Unlock()
	r, err := s.swap(ctx, wasm)
	s.ledger.Lock()
	defer s.ledger.Unlock()
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
		return s.goBack(ctx)
	}
	if err := s.try(ctx, wasm); err != nil {
		return Report{}, err
	}
	next, err := s.generate(ctx, bytes.Clone(wasm))
	if err != nil {
		return Report{}, err
	}
	s.exchange(next)
	if superseded != nil {
		s.ledger.Lock()
		superseded.superseded = true
		s.ledger.Unlock()
		go s.retire(superseded, drainTimeout)
	}
	return s.Report(), nil
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
	r, err := s.goBack(ctx)
	if err == nil {
		s.ledger.Lock()
		s.rollbacks++
		s.ledger.Unlock()
	}
	return r, err
}

// goBack makes the previous guest the current one.
func (s *Set) goBack(ctx context.Context) (Report, error) {
	previous := s.previous.Load()
	if err := previous.program.Fill(ctx); err != nil {
		return Report{}, err
	}
	s.exchange(previous)
	r := s.Report()
	r.Reused = true
	return r, nil
}

// exchange makes next the current guest, and parks the one that was.
func (s *Set) exchange(next *Generation) {
	old := s.current.Swap(next)
	s.previous.Store(old)
	old.program.Park()
}

// retire closes a superseded guest when its last call has ended. If that takes
// longer than the timeout, it is logged; memory that a call uses cannot be freed.
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
	s.ledger.Lock()
	defer s.ledger.Unlock()
	add(&s.past, &of)
	s.live = slices.DeleteFunc(s.live, func(other *Generation) bool { return other == g })
}

// Close lets no further calls in and waits up to 30 s for those that run. The
// error says how many remain; their memory is freed when they end.
func (s *Set) Close() error {
	s.swapping.Lock()
	defer s.swapping.Unlock()
	s.closed = true
	return s.drain(drainTimeout)
}

func (s *Set) drain(timeout time.Duration) error {
	ctx, cancel := context.WithTimeout(context.Background(), timeout)
	defer cancel()
	s.ledger.Lock()
	live := slices.Clone(s.live)
	s.ledger.Unlock()
	var errs []error
	for _, g := range live {
		if err := g.program.Drain(ctx); err != nil {
			errs = append(errs, fmt.Errorf("closing guest %.12s: %w", g.program.Digest(), err))
		}
	}
	return errors.Join(errs...)
}
