package guests

import (
	"context"
	"errors"
	"net/http"
	"runtime"
	"slices"
	"time"

	"github.com/tenantedge/tenantedge/edge/internal/instance"
)

// measured is what a call of a guest cost.
type measured struct {
	fuel uint64
	took time.Duration
}

// measure makes a guest decide about a request.
func (g *Generation) measure(ctx context.Context, r *Request, d *Decision) (m measured, err error) {
	i, err := g.program.Borrow(ctx)
	if err != nil {
		return m, err
	}
	began := time.Now()
	m.fuel, err = g.decide(ctx, i, r, d)
	m.took = time.Since(began)
	return m, err
}

// routeBeside makes the current guest g decide with its instance i, and t too.
func (s *Set) routeBeside(ctx context.Context, t *candidate, g *Generation, i *instance.Instance, r *Request, d *Decision) error {
	began := time.Now()
	fuel, err := g.decide(ctx, i, r, d)
	current := measured{fuel, time.Since(began)}
	switch {
	case err != nil || t.aborted.Load():
		return err
	case !hasEffects(ctx):
		t.replaceUnjudged(ctx, r, d)
	case t.queue != nil:
		t.offer(r, d, current)
		return nil
	case t.covers(r, d):
		t.replace(ctx, r, d, current)
	}
	return nil
}

// replace replaces d, the current guest's decision, by that of the canary, unless
// the canary fails or exceeds a limit.
func (t *candidate) replace(ctx context.Context, r *Request, d *Decision, current measured) {
	found := new(Decision)
	m, err := t.generation.measure(ctx, r, found)
	if excused(err) {
		return
	}
	j := judgement{err: err, fuel: m.fuel, currentFuel: current.fuel, took: m.took, currentTook: current.took}
	if err == nil {
		if j.differences = differences(d, found); len(j.differences) > 0 {
			t.note(r, d, found, j.differences)
		}
	}
	if t.judge(&j) {
		*d = *found
	}
}

// excused reports whether a guest is not to blame for an error: it is closed or
// busy, or the client has gone.
func excused(err error) bool {
	return err != nil && (!errors.Is(err, instance.ErrTrap) || errors.Is(err, context.Canceled))
}

// shadowQueue is the number of requests that wait for a shadow. Further ones are
// dropped.
const shadowQueue = 256

// shadowed is a request that a shadow decides about, and the current decision.
type shadowed struct {
	request  Request
	decision Decision
	current  measured
}

// offer gives a shadow a request, if it is in the share and the queue has room.
func (t *candidate) offer(r *Request, d *Decision, current measured) {
	// The n-th request is in the share if the share of n requests grows by one.
	n := float64(t.seen.Add(1))
	if uint64(n*t.Shadow) == uint64((n-1)*t.Shadow) {
		return
	}
	if len(t.queue) == cap(t.queue) {
		t.dropped.Add(1)
		return
	}
	q := &shadowed{*r, *d, current}
	q.request.Header = headersOf(r.Header, t.generation, t.set.Current())
	select {
	case t.queue <- q:
	default:
		t.dropped.Add(1)
	}
}

// headersOf returns a copy of the headers that the guests get. h belongs to the
// server.
func headersOf(h http.Header, of ...*Generation) http.Header {
	copied := http.Header{}
	for _, g := range of {
		for _, name := range g.headers {
			if values := h[name]; len(values) > 0 {
				copied[name] = slices.Clone(values)
			}
		}
	}
	return copied
}

// shadowPause is how often a shadow looks for requests. If each woke it, requests
// would wait for the scheduler.
const shadowPause = 2 * time.Millisecond

// work decides about the requests of a shadow, until the trial ends.
func (t *candidate) work() {
	tick := time.NewTicker(shadowPause)
	defer tick.Stop()
	for {
		select {
		case <-t.stop:
			return
		case <-tick.C:
		}
		for range len(t.queue) {
			t.compare(<-t.queue)
			runtime.Gosched() // requests go first
		}
	}
}

// compare makes a shadow decide about a request.
func (t *candidate) compare(q *shadowed) {
	ctx := withoutEffects
	var found Decision
	m, err := t.generation.measure(ctx, &q.request, &found)
	if excused(err) {
		return
	}
	j := judgement{err: err, fuel: m.fuel, currentFuel: q.current.fuel, took: m.took, currentTook: q.current.took}
	if err == nil {
		j.differences = differences(&q.decision, &found)
	}
	if len(j.differences) > 0 {
		// The directory may have changed since the current guest decided.
		var again Decision
		if _, err := t.set.Current().measure(ctx, &q.request, &again); err != nil {
			return
		}
		if j.differences = differences(&again, &found); len(j.differences) > 0 {
			t.note(&q.request, &again, &found, j.differences)
		}
	}
	t.judge(&j)
}

// BorrowFor is Borrow for a call about a tenant: of the canary, if it serves the
// tenant.
func (s *Set) BorrowFor(ctx context.Context, schema string) (*Generation, *instance.Instance, error) {
	if t := s.candidate.Load(); t != nil && t.queue == nil && !t.aborted.Load() && t.coversTenant(schema) {
		if i, err := t.generation.program.Borrow(ctx); !errors.Is(err, instance.ErrClosed) {
			return t.generation, i, err
		}
	}
	return s.Borrow(ctx)
}

// SetHeaders returns the headers that guests may set for applications: those that
// the current guest has named, and those that a canary has.
func (s *Set) SetHeaders() []string {
	names := s.current.Load().sets
	if t := s.candidate.Load(); t != nil && t.queue == nil && len(t.generation.sets) > 0 {
		return slices.Concat(names, t.generation.sets)
	}
	return names
}
