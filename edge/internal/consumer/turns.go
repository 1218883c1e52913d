package consumer

import (
	"context"
	"fmt"
	"log/slog"
	"runtime"
	"runtime/debug"
	"sync"
	"sync/atomic"

	"github.com/tenantedge/tenantedge/edge/channel"
	"github.com/tenantedge/tenantedge/edge/internal/guests"
	"github.com/tenantedge/tenantedge/edge/internal/instance"
)

const (
	// maxWaiting is the number of waiting events from which a websocket's group
	// messages are dropped, as in Django's channels. The layer counts them.
	maxWaiting = 100
	// maxTurn is how many events of one websocket run before others have a turn.
	maxTurn = 8
	// maxAside bounds the events of a tenant that wait for the channel layer.
	maxAside = 64
	// keptReady is the capacity of owner.ready that is kept while it is empty.
	keptReady = 64
)

// event is an event that waits.
type event struct {
	next    *event
	export  instance.Export // the guest's export that handles it
	word    uint32
	data    []byte
	message *channel.Message // group messages only
	alarm   *alarm           // timers only
}

var events = sync.Pool{New: func() any { return new(event) }}

func newEvent(e instance.Export) *event {
	v := events.Get().(*event)
	v.export = e
	return v
}

func (e *event) free() {
	if e.message != nil {
		letGo(e.message)
	}
	*e = event{}
	events.Put(e)
}

// freeAll frees the events of the ring whose last event is e.
func (e *event) freeAll() {
	for at, more := e.next, true; more; {
		next := at.next
		more = at != e
		at.free()
		at = next
	}
}

// begin sets busy, and returns false if it is set already. On true the caller runs
// its event and then calls yield.
func (c *Consumer) begin() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.busy {
		return false
	}
	c.busy, c.said = true, false
	return true
}

// queue adds an event, or frees it if the consumer has ended. The caller holds
// c.mu.
func (c *Consumer) queue(e *event) {
	if c.ended {
		e.free()
		return
	}
	if c.events == nil {
		e.next = e
	} else {
		e.next, c.events.next = c.events.next, e
	}
	c.events = e
	c.waiting++
	if !c.busy {
		c.busy = true
		c.place.set.push(c)
	}
}

// take returns the next event. Without one it clears busy and returns nil.
func (c *Consumer) take() *event {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.said = false
	last := c.events
	if last == nil {
		c.busy = false
		return nil
	}
	first := last.next
	if first == last {
		c.events = nil
	} else {
		last.next = first.next
	}
	c.waiting--
	return first
}

// yield ends the event of begin: it has waiting events run, or clears busy.
func (c *Consumer) yield() {
	c.mu.Lock()
	more := c.events != nil
	c.busy = more
	c.mu.Unlock()
	if more {
		c.place.set.push(c)
	}
}

// turn runs up to maxTurn waiting events, and reports whether there may be more.
func (c *Consumer) turn() (more bool) {
	for range maxTurn {
		e := c.take()
		if e == nil {
			return false
		}
		c.handle(e)
	}
	return true
}

// handle runs one event that waited.
func (c *Consumer) handle(e *event) {
	defer func() {
		if p := recover(); p != nil {
			c.fail(fmt.Errorf("the host panicked, which is a bug: %v\n%s", p, debug.Stack()))
		}
		switch e.export {
		case instance.SocketMessage:
			c.conn.Resume()
		case instance.SocketClose:
			c.release()
		}
		e.free()
	}()
	switch {
	case e.message != nil && ForClient(e.message):
		c.mu.Lock()
		c.forward(e.message)
		c.mu.Unlock()
	case e.message != nil:
		c.runGroup(e.message)
	case e.alarm == nil || c.wasSet(e.alarm):
		c.run(true, e.export, e.word, e.data)
	}
}

// wasSet is rung for a caller that does not hold c.mu.
func (c *Consumer) wasSet(a *alarm) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.rung(a)
}

// Set has the websockets that the guest of a Host handles, and the order in which
// their events run. A client's message runs in the hub's worker that read it, if
// possible. Other events run in a few goroutines, which exist while events wait.
// They serve tenants in turn and, if there are several instances of the guest, leave
// half of them to requests and clients' messages.
type Set struct {
	guests     *guests.Set
	logger     *slog.Logger
	maxRunning int

	failures, restarted, interrupted atomic.Uint64

	mu     sync.Mutex
	places map[placeKey]*place
	owners map[ownerKey]*owner
	// Tables of what few consumers have, so that Consumer is small.
	openings map[*Consumer]*effects // of the open event, until Consumer.Open
	alarms   map[*Consumer]*alarm   // timers that are set
	last     *owner                 // a ring of tenants with events to run: its next is the first
	running  int                    // goroutines that run events
	empty    chan struct{}          // closed when the last place is dropped; nil: Drain does not wait
}

// New returns a Set for guests with at most so many instances; 0 is the default of
// package instance.
func New(g *guests.Set, logger *slog.Logger, instances int) *Set {
	if instances == 0 {
		instances = 2 * runtime.GOMAXPROCS(0) // the default of package instance
	}
	// Half of the instances remain for requests and messages.
	return &Set{guests: g, logger: logger, maxRunning: max(1, instances/2)}
}

// push puts a consumer at the end of its tenant's ready list, and starts a goroutine
// if fewer than maxRunning run.
func (q *Set) push(c *Consumer) {
	q.mu.Lock()
	defer q.mu.Unlock()
	o := c.place.owner
	if o.taken > keptReady && o.taken > len(o.ready)/2 {
		// Under constant load the list never becomes empty, which would reset it.
		n := copy(o.ready, o.ready[o.taken:])
		clear(o.ready[n:])
		o.ready, o.taken = o.ready[:n], 0
	}
	o.ready = append(o.ready, c)
	q.line(o)
	q.start()
}

// line puts a tenant at the end of the ring, unless it is there, has no consumer
// that is ready, or is crowded. The caller holds q.mu.
func (q *Set) line(o *owner) {
	if o.lined || o.taken == len(o.ready) || o.crowded() {
		return
	}
	o.lined = true
	if q.last == nil {
		o.next = o
	} else {
		o.next, q.last.next = q.last.next, o
	}
	q.last = o
}

// start starts another goroutine of work, if events wait and fewer than maxRunning
// run. The caller holds q.mu.
func (q *Set) start() {
	if q.last != nil && q.running < q.maxRunning {
		q.running++
		go q.work()
	}
}

// waitAside calls do, which may wait for the channel layer and needs no instance of
// the guest. If the caller is a goroutine of work (ours), another one may run
// meanwhile: otherwise a slow layer would delay the events of all tenants.
func (q *Set) waitAside(p *place, ours bool, do func()) {
	q.mu.Lock()
	p.owner.aside.Add(1)
	if ours {
		q.running--
		q.start()
	}
	q.mu.Unlock()
	defer func() {
		q.mu.Lock()
		defer q.mu.Unlock()
		p.owner.aside.Add(-1)
		if ours {
			q.running++ // pop ends a goroutine that exceeds maxRunning
		}
		q.line(p.owner)
		q.start()
	}()
	do()
}

// pop returns the first consumer of the tenant whose turn it is. Without one, or if
// more than most goroutines run, it returns nil and the calling goroutine ends.
func (q *Set) pop(most int) *Consumer {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.last == nil || q.running > most {
		q.running--
		return nil
	}
	o := q.last.next
	if o == q.last {
		q.last = nil
	} else {
		q.last.next = o.next
	}
	o.lined = false
	c := o.ready[o.taken]
	o.ready[o.taken] = nil
	if o.taken++; o.taken < len(o.ready) {
		q.line(o)
		return c
	}
	o.taken = 0
	if o.ready = o.ready[:0]; cap(o.ready) > keptReady {
		o.ready = nil // frees the memory of a peak
	}
	return c
}

func (q *Set) work() {
	most := q.maxRunning
	for c := q.pop(most); c != nil; c = q.pop(most) {
		if c.turn() {
			q.push(c)
		}
		// Without this, a connection that the turn woke to be written to would wait
		// until the scheduler preempts this goroutine: 10 ms.
		runtime.Gosched()
	}
}

// Drain waits until no websocket is left and all events are handled. Called after
// the hub has shut down and before the guests are closed, it lets guests handle
// every close event. The error is that of the context.
func (q *Set) Drain(ctx context.Context) error {
	q.mu.Lock()
	defer q.mu.Unlock()
	for len(q.places) > 0 {
		if q.empty == nil {
			q.empty = make(chan struct{})
		}
		empty := q.empty
		q.mu.Unlock()
		select {
		case <-empty:
			q.mu.Lock()
		case <-ctx.Done():
			q.mu.Lock()
			return ctx.Err()
		}
	}
	return nil
}
