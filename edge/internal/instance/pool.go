package instance

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"
)

// ErrBusy says that no instance came free in the time that a request may wait.
var ErrBusy = errors.New("instance: all instances are busy")

// ErrClosed says that the program takes no further calls: another has taken
// its place.
var ErrClosed = errors.New("instance: program is closed")

// idleAfter is how long an instance may stay unused after a peak.
const idleAfter = 10 * time.Second

// pool lends instances out, the one that came back last first: its pages are
// in the processor's caches, and the others can be let go of. It makes more
// when they are asked for, up to a bound; then requests queue.
//
// Its lock is taken twice a request, which is also where a call's counters are
// added up.
type pool struct {
	mu      sync.Mutex
	ended   chan struct{} // closed when the pool is, and its last instance
	program *Program
	free    []*Instance
	waiting []*waiter // in the order of arrival
	lent    int
	total   int // lent, free, being made and being closed
	keep    int // how many stay when nothing happens
	closed  bool
	low     int // fewest free since shrink looked
	shrinks *time.Timer
	totals  totals
}

// waiter is a request in the queue.
type waiter struct{ granted chan lease }

// lease is what a waiter gets.
type lease struct {
	instance *Instance
	err      error
}

func (p *pool) init(program *Program) {
	p.program = program
	p.ended = make(chan struct{})
	p.totals.traps = map[Reason]uint64{}
	p.totals.retired = map[Retirement]uint64{}
}

// Borrow takes an instance for the caller alone. It waits at most the queue
// timeout (ErrBusy) or until ctx ends; ErrClosed says that the program was
// superseded. Every borrowed instance must be returned.
func (p *Program) Borrow(ctx context.Context) (*Instance, error) { return p.pool.borrow(ctx) }

// Return gives an instance back.
func (p *Program) Return(i *Instance) { p.pool.giveBack(i) }

func (p *pool) borrow(ctx context.Context) (*Instance, error) {
	p.mu.Lock()
	if n := len(p.free) - 1; n >= 0 && !p.closed {
		i := p.free[n]
		p.free[n], p.free = nil, p.free[:n]
		p.low = min(p.low, n)
		p.lent++
		p.mu.Unlock()
		return i, nil
	}
	return p.queue(ctx)
}

// queue waits for an instance, whether it comes back or is made meanwhile. The
// pool is locked.
func (p *pool) queue(ctx context.Context) (*Instance, error) {
	if p.closed {
		p.mu.Unlock()
		return nil, ErrClosed
	}
	w := &waiter{make(chan lease, 1)}
	p.waiting = append(p.waiting, w)
	p.totals.queued++
	if p.total < p.program.limits.Instances {
		p.total++
		go p.make()
	}
	p.mu.Unlock()
	timer := time.NewTimer(p.program.limits.QueueTimeout)
	defer timer.Stop()
	var err error
	select {
	case l := <-w.granted:
		return l.instance, l.err
	case <-ctx.Done():
		err = ctx.Err()
	case <-timer.C:
		err = fmt.Errorf("%w: waited %v for one of %d", ErrBusy, p.program.limits.QueueTimeout, p.program.limits.Instances)
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if n := slices.Index(p.waiting, w); n >= 0 {
		p.waiting = slices.Delete(p.waiting, n, n+1)
		p.totals.refused++
		return nil, err
	}
	l := <-w.granted // it came in the same moment
	return l.instance, l.err
}

// make adds an instance, for which the caller has counted total up.
func (p *pool) make() {
	i, err := p.program.newInstance(context.Background())
	p.mu.Lock()
	defer p.mu.Unlock()
	if err != nil {
		p.gone()
		p.program.options.Logger.Error("no instance of the guest can be made", "guest", p.program.short(), "error", err)
		if len(p.waiting) > 0 {
			p.grant(lease{err: fmt.Errorf("instance: %w", err)})
		}
		return
	}
	p.put(i)
	if p.total > p.keep && p.shrinks == nil && !p.closed {
		p.low = len(p.free)
		p.shrinks = time.AfterFunc(idleAfter, p.shrink)
	}
}

// put makes an instance available. The pool is locked.
func (p *pool) put(i *Instance) {
	switch {
	case p.closed:
		go p.discard(i)
	case len(p.waiting) > 0:
		p.lent++
		p.grant(lease{instance: i})
	default:
		p.free = append(p.free, i)
	}
}

func (p *pool) grant(l lease) {
	w := p.waiting[0]
	p.waiting = slices.Delete(p.waiting, 0, 1)
	w.granted <- l
}

func (p *pool) giveBack(i *Instance) {
	retire := i.retire
	if i.dirty {
		retire = Abandoned
	}
	audit := retire == "" && i.auditDue()
	p.mu.Lock()
	defer p.mu.Unlock()
	p.totals.add(&i.used)
	p.lent--
	switch {
	case retire != "":
		p.totals.retired[retire]++
		go p.discard(i)
	case audit:
		p.totals.audits++
		go p.audit(i)
	default:
		p.put(i)
	}
}

// audit checks an instance before it is lent again.
func (p *pool) audit(i *Instance) {
	err := i.Audit()
	p.mu.Lock()
	defer p.mu.Unlock()
	if err == nil {
		p.put(i)
		return
	}
	p.totals.retired[NotPristine]++
	p.program.options.Logger.Error("a guest's state was not put back after a request, which must not happen; its instance is closed", "guest", p.program.short(), "error", err)
	go p.discard(i)
}

// discard closes an instance, and has another made if it is missed.
func (p *pool) discard(i *Instance) {
	if err := i.close(context.Background()); err != nil {
		p.program.options.Logger.Error("closing a guest instance failed", "guest", p.program.short(), "error", err)
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.gone()
	if !p.closed && (p.total < p.keep || len(p.waiting) > 0) {
		p.total++
		go p.make()
	}
}

func (p *pool) gone() {
	if p.total--; p.total == 0 && p.closed {
		close(p.ended)
	}
}

// shrink lets go of the instances that nobody has needed since it last looked.
func (p *pool) shrink() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.shrinks = nil
	if p.closed {
		return
	}
	p.drop(min(p.low, p.total-p.keep))
	p.low = len(p.free)
	if p.total > p.keep {
		p.shrinks = time.AfterFunc(idleAfter, p.shrink)
	}
}

// drop closes the n free instances that were used longest ago.
func (p *pool) drop(n int) {
	if n = min(n, len(p.free)); n <= 0 {
		return
	}
	for _, i := range p.free[:n] {
		go p.discard(i)
	}
	p.totals.shrunk += uint64(n)
	p.free = slices.Delete(p.free, 0, n)
}

// fill makes instances until n are there, and keeps that many from now on.
func (p *pool) fill(ctx context.Context, n int) error {
	p.mu.Lock()
	if p.closed {
		p.mu.Unlock()
		return ErrClosed
	}
	p.keep = n
	missing := n - p.total
	p.total += max(0, missing)
	p.mu.Unlock()
	for ; missing > 0; missing-- {
		i, err := p.program.newInstance(ctx)
		p.mu.Lock()
		if err != nil {
			for range missing {
				p.gone()
			}
			p.mu.Unlock()
			return err
		}
		p.put(i)
		p.mu.Unlock()
	}
	return nil
}

// park closes all instances that nobody uses; the next are made on demand.
func (p *pool) park() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.keep = 0
	p.drop(len(p.free))
	if p.total > 0 && p.shrinks == nil && !p.closed {
		p.low = 0
		p.shrinks = time.AfterFunc(idleAfter, p.shrink)
	}
}

// close takes no further calls, and closes the instances as they come back;
// ended says when the last is. It is called once.
func (p *pool) close() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.closed = true
	if p.shrinks != nil {
		p.shrinks.Stop()
		p.shrinks = nil
	}
	for len(p.waiting) > 0 {
		p.grant(lease{err: ErrClosed})
	}
	p.drop(len(p.free))
	if p.total == 0 {
		close(p.ended)
	}
}
