package edge

import (
	"context"
	"fmt"
	"runtime"
	"runtime/debug"
	"sync"
	"sync/atomic"

	"github.com/tenantedge/tenantedge/edge/channel"
	"github.com/tenantedge/tenantedge/edge/internal/instance"
)

const (
	// maxWaiting is how many group messages wait for one websocket, as in
	// channels. Further ones are dropped, which the layer counts.
	maxWaiting = 100
	// maxTurn is how many events of one websocket run before others have a turn.
	maxTurn = 8
	// maxAside is how many goroutines wait for the channel layer while others
	// have their turns.
	maxAside = 1000
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
	done    chan struct{}    // of a message, whose sender waits
}

var events = sync.Pool{New: func() any { return &event{done: make(chan struct{}, 1)} }}

func newEvent(e instance.Export) *event {
	v := events.Get().(*event)
	v.export = e
	return v
}

func (e *event) free() {
	*e = event{done: e.done}
	events.Put(e)
}

// begin takes the turn, if it is nobody's: the caller runs its event and then
// calls yield.
func (c *consumer) begin() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.busy {
		return false
	}
	c.busy, c.said = true, false
	return true
}

// wait queues a message behind what is there, and tells whether its sender has
// to wait until it was handled.
func (c *consumer) wait(e *event) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.ended {
		e.free()
		return false
	}
	c.queue(e)
	return true
}

// queue adds an event; the consumer is locked.
func (c *consumer) queue(e *event) {
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
		c.place.host.consumers.push(c)
	}
}

// take returns the next event; without one the turn is over.
func (c *consumer) take() *event {
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
func (c *consumer) yield() {
	c.mu.Lock()
	more := c.events != nil
	c.busy = more
	c.mu.Unlock()
	if more {
		c.place.host.consumers.push(c)
	}
}

// turn runs events that wait, and tells whether there may be more.
func (c *consumer) turn() (more bool) {
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
func (c *consumer) handle(e *event) {
	defer func() {
		if p := recover(); p != nil {
			c.fail(fmt.Errorf("a panic, which is a bug of the host: %v\n%s", p, debug.Stack()))
		}
		if e.export == instance.SocketMessage {
			e.done <- struct{}{} // its sender frees it
			return
		}
		if e.export == instance.SocketClose {
			c.release()
		}
		e.free()
	}()
	switch {
	case e.message != nil && forClient(e.message):
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
func (c *consumer) wasSet(a *alarm) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.rung(a)
}

// consumers are the websockets that the guest of a Host handles, and the order
// in which their events run. Messages of clients run where they are read; what
// comes from elsewhere is run by a few goroutines, which exist while there is
// something to run. They take turns between tenants, and never have all of the
// guest's instances.
type consumers struct {
	failures, restarted, interrupted atomic.Uint64

	mu     sync.Mutex
	places map[placeKey]*place
	owners map[ownerKey]*owner
	// What few consumers have, and these not for long, or not all of them.
	openings map[*consumer]*effects // asked for by the open event, until Open
	alarms   map[*consumer]*alarm   // timers that are set
	last     *owner                 // of those with events to run: a ring, its next is the first
	running  int                    // goroutines that have a turn
	aside    int                    // those that wait for the layer meanwhile
	empty    chan struct{}          // closed when the last place is left; nil: nobody waits for it
}

// push has a consumer's events run.
func (q *consumers) push(c *consumer) {
	q.mu.Lock()
	defer q.mu.Unlock()
	o := c.place.owner
	if len(o.ready) == 0 {
		q.line(o)
	}
	if o.taken > keptReady && o.taken > len(o.ready)/2 {
		// Under a load that never ends the list never becomes empty.
		n := copy(o.ready, o.ready[o.taken:])
		clear(o.ready[n:])
		o.ready, o.taken = o.ready[:n], 0
	}
	o.ready = append(o.ready, c)
	q.start(c.place.host)
}

// start has a goroutine more run events, if there may be one.
func (q *consumers) start(h *Host) {
	if q.running < mostRunning(h) {
		q.running++
		go q.work(h)
	}
}

// waitAside gives the turn away while do waits for the channel layer: it needs
// no instance of the guest, and a layer that is slow would hold up the events
// of all tenants.
func (q *consumers) waitAside(h *Host, do func()) {
	q.mu.Lock()
	if q.aside == maxAside {
		q.mu.Unlock()
		do()
		return
	}
	q.aside++
	q.running--
	if q.last != nil {
		q.start(h)
	}
	q.mu.Unlock()
	defer func() {
		q.mu.Lock()
		q.aside--
		q.running++ // perhaps one too many, which ends with its turn
		q.mu.Unlock()
	}()
	do()
}

// mostRunning leaves half of the instances to requests and messages.
func mostRunning(h *Host) int {
	instances := h.config.Limits.Instances
	if instances == 0 {
		instances = 2 * runtime.GOMAXPROCS(0) // as package instance has it
	}
	return max(1, instances/2)
}

// line puts a tenant at the end of the ring.
func (q *consumers) line(o *owner) {
	if q.last == nil {
		o.next = o
	} else {
		o.next, q.last.next = q.last.next, o
	}
	q.last = o
}

// pop takes one consumer of the tenant whose turn it is.
// Without one, or for a goroutine too many, it returns nil.
func (q *consumers) pop(most int) *consumer {
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

func (q *consumers) work(h *Host) {
	most := mostRunning(h)
	for c := q.pop(most); c != nil; c = q.pop(most) {
		if c.turn() {
			q.push(c)
		}
		// What the turn has woken, a connection that is to be written to, would
		// otherwise wait until this goroutine is interrupted: 10 ms.
		runtime.Gosched()
	}
}

// drainConsumers waits until no event waits and no websocket is open: for the
// time between the hub's end and the Host's, so that guests hear of every end.
func (h *Host) drainConsumers(ctx context.Context) error {
	q := &h.consumers
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
