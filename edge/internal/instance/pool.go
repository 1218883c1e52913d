package instance

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/tenantedge/tenantedge/edge/stats"
)

// ErrBusy says that no instance came free in the time that a request may wait.
var ErrBusy = errors.New("instance: all instances are busy")

// ErrClosed says that the program takes no further calls: another has taken
// its place.
var ErrClosed = errors.New("instance: program is closed")

// idleAfter is how long an instance may stay unused after a peak.
const idleAfter = 10 * time.Second

// countedAfter is how many calls an instance may keep to itself before they
// are in the program's counters: adding them up takes the pool's lock.
const countedAfter = 64

// pool lends instances out. In a steady state they come out of slots and go
// back there, without a lock. When all slots are empty, one is free, or it
// makes more, up to a bound; then requests queue. The one that came back last
// is lent first: its pages are in the processor's caches, and the others can be
// let go of.
type pool struct {
	slots slots
	// alarm is not zero while those who put an instance into a slot must see
	// whether it is wanted elsewhere: how many wait, and closing.
	alarm atomic.Int64
	round atomic.Uint32 // how often shrink has looked

	mu      sync.Mutex    // guards what follows
	ended   chan struct{} // closed when the pool is, and its last instance
	program *Program
	free    []*Instance // for which there was no slot
	waiting []*waiter   // in the order of arrival
	total   int         // lent, in slots, free, and absent
	absent  int         // being made, audited or closed
	keep    int         // how many stay when nothing happens
	closed  bool
	shrinks *time.Timer
	totals  totals
}

// closing is the part of alarm that says that the pool takes no further calls.
const closing = 1 << 32

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
	p.slots.init()
	p.totals.traps = map[stats.Trap]uint64{}
	p.totals.retired = map[stats.Retirement]uint64{}
}

// Borrow takes an instance for the caller alone. It waits at most the queue
// timeout (ErrBusy) or until ctx ends; ErrClosed says that the program was
// superseded. Every borrowed instance must be returned.
func (p *Program) Borrow(ctx context.Context) (*Instance, error) { return p.pool.borrow(ctx) }

// Return gives an instance back.
func (p *Program) Return(i *Instance) { p.pool.giveBack(i) }

// yields is how often a request that finds no instance lets others go on before
// it queues. Where there are more goroutines than processors, whoever has an
// instance may just not be running. Queueing at once, each call would end by
// giving its instance to one that waits, and the next would begin by waiting:
// two changes of goroutine for each request.
const yields = 4

func (p *pool) borrow(ctx context.Context) (*Instance, error) {
	i := p.idle()
	for n := 0; i == nil && n < yields; n++ {
		runtime.Gosched()
		i = p.idle()
	}
	if i == nil {
		return p.queue(ctx)
	}
	if p.alarm.Load() >= closing {
		p.giveBack(i)
		return nil, ErrClosed
	}
	return i, nil
}

// idle takes an instance that nobody has; nil: there is none.
func (p *pool) idle() *Instance {
	if i := p.slots.take(); i != nil {
		return i
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.spare()
}

// spare takes an instance that has no slot. The pool is locked.
func (p *pool) spare() *Instance {
	n := len(p.free) - 1
	if n < 0 {
		return nil
	}
	i := p.free[n]
	p.free[n], p.free = nil, p.free[:n]
	return i
}

// queue waits for an instance, whether it comes back or is made meanwhile.
func (p *pool) queue(ctx context.Context) (*Instance, error) {
	p.mu.Lock()
	if p.closed {
		p.mu.Unlock()
		return nil, ErrClosed
	}
	// First the alarm, then a last look: what is put into a slot after this
	// look is put there by one who hears it.
	p.alarm.Add(1)
	i := p.spare()
	if i == nil {
		i = p.slots.take()
	}
	if i != nil {
		p.alarm.Add(-1)
		p.mu.Unlock()
		return i, nil
	}
	w := &waiter{make(chan lease, 1)}
	p.waiting = append(p.waiting, w)
	p.totals.queued++
	if p.total < p.program.limits.Instances {
		p.add()
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
		p.alarm.Add(-1)
		p.totals.timedOut++
		return nil, err
	}
	l := <-w.granted // it came in the same moment
	return l.instance, l.err
}

// add has another instance made. The pool is locked.
func (p *pool) add() {
	p.total++
	p.absent++
	go p.make()
}

// make adds an instance, for which the caller has counted total and absent up.
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
		if len(p.waiting) > 0 && p.total == 0 { // nobody has one that could come back
			p.add()
		}
		return
	}
	p.absent--
	p.put(i)
	p.shrinkLater()
}

// shrinkLater sees to it that there are not more instances than stay for longer
// than they are needed. The pool is locked.
func (p *pool) shrinkLater() {
	if p.total > p.keep && p.shrinks == nil && !p.closed {
		p.shrinks = time.AfterFunc(idleAfter, p.shrink)
	}
}

// put makes an instance available. The pool is locked, so nobody begins to
// wait meanwhile.
func (p *pool) put(i *Instance) {
	switch {
	case p.closed:
		p.remove(i)
	case len(p.waiting) > 0:
		p.grant(lease{instance: i})
	case !p.slots.put(i):
		p.free = append(p.free, i)
	}
}

func (p *pool) grant(l lease) {
	w := p.waiting[0]
	p.waiting = slices.Delete(p.waiting, 0, 1)
	p.alarm.Add(-1)
	w.granted <- l
}

func (p *pool) giveBack(i *Instance) {
	i.round = p.round.Load()
	retire := i.retire
	if i.dirty {
		retire = stats.RetiredAbandoned
	}
	audit := retire == "" && i.auditDue()
	if s := i.slot; s != nil && retire == "" && !audit && i.used.trap == "" && i.used.calls < countedAfter && s.put(i) {
		// From here on it may be another's; it is ours again if it can be taken back.
		if p.alarm.Load() == 0 || !s.takeBack(i) {
			return
		}
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.totals.add(&i.used)
	switch {
	case retire != "":
		p.totals.retired[retire]++
		p.remove(i)
	case audit:
		p.totals.audits++
		p.absent++
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
	p.absent--
	if err == nil {
		p.put(i)
		return
	}
	p.totals.retired[stats.RetiredAudit]++
	p.program.options.Logger.Error("a guest's state was not put back after a request, which must not happen; its instance is closed", "guest", p.program.short(), "error", err)
	p.remove(i)
}

// remove closes an instance that nobody else has. The pool is locked.
func (p *pool) remove(i *Instance) {
	p.absent++
	p.totals.add(&i.used)
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
		p.add()
	}
}

// gone counts down one that was absent.
func (p *pool) gone() {
	p.absent--
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
	round := p.round.Add(1) - 1
	p.drop(p.total-p.keep, func(i *Instance) bool { return i.round != round })
	p.shrinkLater()
}

// drop closes at most n idle instances, of those that are meant. The pool is
// locked.
func (p *pool) drop(n int, meant func(*Instance) bool) {
	p.eachIdle(func(i *Instance) (keep bool) {
		if n <= 0 || !meant(i) {
			return true
		}
		n--
		p.totals.shrunk++
		p.remove(i)
		return false
	})
}

// eachIdle shows all idle instances, each for itself: nobody borrows it
// meanwhile. Those that are not to be kept are no longer idle then. The others
// are put back as any that comes back: whoever put one into its slot, saw the
// alarm and did not find it there any more leaves it to us to see that it gets
// where it is wanted. The pool is locked.
func (p *pool) eachIdle(keep func(*Instance) bool) {
	p.free = slices.DeleteFunc(p.free, func(i *Instance) bool { return !keep(i) })
	for n := range p.slots.all {
		if i := p.slots.all[n].take(); i != nil && keep(i) {
			i.slot = &p.slots.all[n]
			p.put(i)
		}
	}
}

// fill makes instances until n are there, and keeps that many from now on. If
// it fails, no more are kept than before.
func (p *pool) fill(ctx context.Context, n int) error {
	p.mu.Lock()
	if p.closed {
		p.mu.Unlock()
		return ErrClosed
	}
	before := p.keep
	p.keep = n
	missing := n - p.total
	p.total += max(0, missing)
	p.absent += max(0, missing)
	p.mu.Unlock()
	for ; missing > 0; missing-- {
		i, err := p.program.newInstance(ctx)
		p.mu.Lock()
		if err != nil {
			for range missing {
				p.gone()
			}
			p.keep = before
			p.shrinkLater()
			p.mu.Unlock()
			return err
		}
		p.absent--
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
	p.drop(p.total, everyone)
	p.shrinkLater()
}

// close takes no further calls, and closes the instances as they come back;
// ended says when the last is. It is called once.
func (p *pool) close() {
	p.mu.Lock()
	defer p.mu.Unlock()
	if !p.closed {
		p.closed = true
		p.alarm.Add(closing)
	}
	if p.shrinks != nil {
		p.shrinks.Stop()
		p.shrinks = nil
	}
	for len(p.waiting) > 0 {
		p.grant(lease{err: ErrClosed})
	}
	p.drop(p.total, everyone)
	if p.total == 0 {
		close(p.ended)
	}
}

func everyone(*Instance) bool { return true }
