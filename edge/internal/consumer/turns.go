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
	// maxWaiting is how many group messages wait for one websocket, as in
	// channels. Further ones are dropped, which the layer counts.
	maxWaiting = 100
	// maxTurn is how many events of one websocket run before others have a turn.
	maxTurn = 8
	// maxAside is how many events of a tenant wait for the channel layer.
	maxAside = 64
	// keptReady is how much of the list of a tenant's consumers that are ready
	// is kept while none is.
	keptReady = 64
)

// event is one event that waits for its turn.
type event struct {
	next    *event
	export  instance.Export
	word    uint32
	data    []byte
	message *channel.Message // of a group
	alarm   *alarm           // of a timer
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

// freeAll frees the events of a ring.
func (e *event) freeAll() {
	for at, more := e.next, true; more; {
		next := at.next
		more = at != e
		at.free()
		at = next
	}
}

// begin takes the turn, if it is nobody's: the caller runs its event and then
// calls yield.
func (c *Consumer) begin() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.busy {
		return false
	}
	c.busy, c.said = true, false
	return true
}

// queue adds an event; the consumer is locked.
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

// take returns the next event; without one the turn is over.
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

// yield gives the turn to what has come meanwhile.
func (c *Consumer) yield() {
	c.mu.Lock()
	more := c.events != nil
	c.busy = more
	c.mu.Unlock()
	if more {
		c.place.set.push(c)
	}
}

// turn runs events that wait, and reports whether there may be more.
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

// handle runs one event that has waited.
func (c *Consumer) handle(e *event) {
	defer func() {
		if p := recover(); p != nil {
			c.fail(fmt.Errorf("a panic, which is a bug of the host: %v\n%s", p, debug.Stack()))
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

// wasSet is rung for who has not locked the consumer.
func (c *Consumer) wasSet(a *alarm) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.rung(a)
}

// consumers are the websockets that the guest of a Host handles, and the order
// in which their events run. Messages of clients run where they are read; what
// comes from elsewhere is run by a few goroutines, which exist while there is
// something to run. They take turns between tenants, and never have all of the
// guest's instances.
type Set struct {
	guests     *guests.Set
	logger     *slog.Logger
	maxRunning int

	failures, restarted, interrupted atomic.Uint64

	mu     sync.Mutex
	places map[placeKey]*place
	owners map[ownerKey]*owner
	// What few consumers have, and these not for long, or not all of them.
	openings map[*Consumer]*effects // asked for by the open event, until Open
	alarms   map[*Consumer]*alarm   // timers that are set
	last     *owner                 // of those with events to run: a ring, its next is the first
	running  int                    // goroutines that have a turn
	empty    chan struct{}          // closed when the last place is left; nil: nobody waits for it
}

// New returns a Set of websockets whose events the guests handle, which have at
// most so many instances; 0: the default.
func New(g *guests.Set, logger *slog.Logger, instances int) *Set {
	if instances == 0 {
		instances = 2 * runtime.GOMAXPROCS(0) // the default of package instance
	}
	// Half of the instances remain for requests and messages.
	return &Set{guests: g, logger: logger, maxRunning: max(1, instances/2)}
}

// push has a consumer's events run.
func (q *Set) push(c *Consumer) {
	q.mu.Lock()
	defer q.mu.Unlock()
	o := c.place.owner
	if o.taken > keptReady && o.taken > len(o.ready)/2 {
		// Under a load that never ends the list never becomes empty.
		n := copy(o.ready, o.ready[o.taken:])
		clear(o.ready[n:])
		o.ready, o.taken = o.ready[:n], 0
	}
	o.ready = append(o.ready, c)
	q.line(o)
	q.start()
}

// line puts a tenant at the end of the ring, if it is to have a turn.
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

// start has a goroutine more run events, if there are any and it may.
func (q *Set) start() {
	if q.last != nil && q.running < q.maxRunning {
		q.running++
		go q.work()
	}
}

// waitAside calls do, which may wait for the channel layer and needs no instance
// of the guest. If the turn is ours it is somebody else's meanwhile: a layer
// that is slow would hold up the events of all tenants.
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
			q.running++ // perhaps one too many, which ends with its turn
		}
		q.line(p.owner)
		q.start()
	}()
	do()
}

// pop takes one consumer of the tenant whose turn it is. Without one, or for a
// goroutine too many, it returns nil.
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
		o.ready = nil // what a peak took is given back
	}
	return c
}

func (q *Set) work() {
	most := q.maxRunning
	for c := q.pop(most); c != nil; c = q.pop(most) {
		if c.turn() {
			q.push(c)
		}
		// What the turn has woken, a connection that is to be written to, would
		// otherwise wait until this goroutine is interrupted: 10 ms.
		runtime.Gosched()
	}
}

// Drain waits until no event waits and no websocket is open: for the
// time between the hub's end and the Host's, so that guests hear of every end.
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
