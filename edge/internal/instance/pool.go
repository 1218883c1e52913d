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

// ErrBusy: no instance was returned within Limits.QueueTimeout.
var ErrBusy = errors.New("all instances are busy")

// ErrClosed: the program is closed; another program supersedes it.
var ErrClosed = errors.New("the program is closed")

// idleAfter is the interval of shrink: instances above the number to keep are
// closed after they were unused for one interval.
const idleAfter = 10 * time.Second

// countedAfter is the number of calls after which an instance adds its usage to
// the program's totals, for which it needs the pool's lock.
const countedAfter = 64

// pool lends instances to requests. In a steady state instances are taken from
// slots and returned there, without a lock. When all slots are empty, it lends
// a free instance or makes another, up to a limit; then requests queue. The
// instance that was returned last is lent first: its pages are in the
// processor's caches, and the others can be closed.
type pool struct {
	slots slots
	// alarm is not zero while a goroutine that has put an instance into a slot
	// must check whether it is needed elsewhere: the number of waiting
	// requests, plus closing.
	alarm atomic.Int64
	round atomic.Uint32 // number of runs of shrink

	// Each call reads what is above. Every countedAfter calls, a processor locks mu and
	// writes what it guards, which must not share a cache line, nor a pair.
	_ [128]byte

	mu      sync.Mutex    // guards what follows
	ended   chan struct{} // closed when the pool and its last instance are closed
	program *Program
	free    []*Instance // idle, without a slot
	waiting []*waiter   // in the order of arrival
	total   int         // lent, in slots, free and absent
	absent  int         // being made, audited or closed
	keep    int         // number to keep when idle
	closed  bool
	shrinks *time.Timer
	totals  totals
}

// closing is the value in alarm that means that the pool is closed.
const closing = 1 << 32

// waiter is a request in the queue.
type waiter struct{ granted chan lease }

// lease is what a waiter receives.
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

// Borrow lends an instance to the caller. It waits for Limits.QueueTimeout at
// most (ErrBusy), or until ctx ends. It returns ErrClosed if the program is
// closed. The caller must return the instance.
func (p *Program) Borrow(ctx context.Context) (*Instance, error) { return p.pool.borrow(ctx) }

// Return returns a borrowed instance.
func (p *Program) Return(i *Instance) { p.pool.giveBack(i) }

// yields is how often a request that finds no instance yields before it queues.
// With more goroutines than processors, a goroutine that has an instance may
// not be running. If requests queued immediately, each call would end by
// handing its instance to a waiting request, and each request would begin by
// waiting: two goroutine switches for each request.
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

// idle takes an idle instance; nil if there is none.
func (p *pool) idle() *Instance {
	if i := p.slots.take(); i != nil {
		return i
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.spare()
}

// spare takes an idle instance without a slot. The caller holds mu.
func (p *pool) spare() *Instance {
	n := len(p.free) - 1
	if n < 0 {
		return nil
	}
	i := p.free[n]
	p.free[n], p.free = nil, p.free[:n]
	return i
}

// queue waits for an instance to be returned or made.
func (p *pool) queue(ctx context.Context) (*Instance, error) {
	p.mu.Lock()
	if p.closed {
		p.mu.Unlock()
		return nil, ErrClosed
	}
	// First raise the alarm, then look once more: a goroutine that puts an
	// instance into a slot after this look sees the alarm.
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
	l := <-w.granted // it was granted at the same moment
	return l.instance, l.err
}

// add starts making an instance. The caller holds mu.
func (p *pool) add() {
	p.total++
	p.absent++
	go p.make()
}

// make makes an instance, which the caller has added to total and absent.
func (p *pool) make() {
	i, err := p.program.newInstance(context.Background())
	p.mu.Lock()
	defer p.mu.Unlock()
	if err != nil {
		p.removed()
		p.program.options.Logger.Error("making an instance of the guest failed", "guest", p.program.short(), "error", err)
		if len(p.waiting) > 0 {
			p.grant(lease{err: err})
		}
		if len(p.waiting) > 0 && p.total == 0 { // no instance exists that could be returned
			p.add()
		}
		return
	}
	p.absent--
	p.put(i)
	p.shrinkLater()
}

// shrinkLater schedules shrink if there are more instances than to keep. The
// caller holds mu.
func (p *pool) shrinkLater() {
	if p.total > p.keep && p.shrinks == nil && !p.closed {
		p.shrinks = time.AfterFunc(idleAfter, p.shrink)
	}
}

// put makes an instance available. The caller holds mu, so no request starts
// waiting meanwhile.
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
		// Another goroutine may have taken the instance by now, unless takeBack
		// succeeds.
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

// audit audits an instance before it is lent again.
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
	p.program.options.Logger.Error("an audit found changed state in a guest instance after its reset, which must not happen; the instance is closed", "guest", p.program.short(), "error", err)
	p.remove(i)
}

// remove closes an instance that only the caller has. The caller holds mu.
func (p *pool) remove(i *Instance) {
	p.absent++
	p.totals.add(&i.used)
	go p.discard(i)
}

// discard closes an instance, and starts making another if it is needed.
func (p *pool) discard(i *Instance) {
	if err := i.close(context.Background()); err != nil {
		p.program.options.Logger.Error("closing a guest instance failed", "guest", p.program.short(), "error", err)
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.removed()
	if !p.closed && (p.total < p.keep || len(p.waiting) > 0) {
		p.add()
	}
}

// removed removes an absent instance from the counts.
func (p *pool) removed() {
	p.absent--
	if p.total--; p.total == 0 && p.closed {
		close(p.ended)
	}
}

// shrink closes instances above the number to keep that were not used since its
// last run.
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

// drop closes at most n idle instances that match. The caller holds mu.
func (p *pool) drop(n int, match func(*Instance) bool) {
	p.eachIdle(func(i *Instance) (keep bool) {
		if n <= 0 || !match(i) {
			return true
		}
		n--
		p.totals.shrunk++
		p.remove(i)
		return false
	})
}

// eachIdle calls keep for each idle instance, which cannot be borrowed
// meanwhile. It puts the instances back for which keep returns true. It uses
// put for that, as for returned instances: a goroutine that put an instance
// into a slot and saw the alarm may not have found it there while eachIdle had
// it, and then relies on eachIdle to hand it to a waiting request. The caller
// holds mu.
func (p *pool) eachIdle(keep func(*Instance) bool) {
	p.free = slices.DeleteFunc(p.free, func(i *Instance) bool { return !keep(i) })
	for n := range p.slots.all {
		if i := p.slots.all[n].take(); i != nil && keep(i) {
			i.slot = &p.slots.all[n]
			p.put(i)
		}
	}
}

// fill makes instances until there are n, and keeps that many from now on. If
// it fails, the number to keep stays as before.
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
				p.removed()
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

// park closes all idle instances. Further ones are made on demand.
func (p *pool) park() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.keep = 0
	p.drop(p.total, everyone)
	p.shrinkLater()
}

// close rejects further calls and closes instances as they are returned. After
// the last one it closes ended. It is called once.
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
