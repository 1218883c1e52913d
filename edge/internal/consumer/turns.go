package consumer

import (
	"runtime"
)

const (
	// maxWaiting is the number of waiting events from which a websocket's group
	// messages are dropped, as in Django's channels. The layer counts them.
	maxWaiting = 100
	// maxTurn is how many events of one websocket run before it yields to others.
	maxTurn = 8
	// maxBlocked bounds the events of a tenant that wait for the channel layer.
	maxBlocked = 64
	// keptReady is the capacity up to which owner.ready is kept while it is empty.
	keptReady = 64
)

// push puts a consumer at the end of its tenant's ready list, and starts a goroutine
// if fewer than maxRunning run.
func (set *Set) push(c *Consumer) {
	set.mu.Lock()
	defer set.mu.Unlock()
	o := c.endpoint.owner
	if o.head > keptReady && o.head > len(o.ready)/2 {
		// Under constant load the list is never empty, and pop does not reset it.
		n := copy(o.ready, o.ready[o.head:])
		clear(o.ready[n:])
		o.ready, o.head = o.ready[:n], 0
	}
	o.ready = append(o.ready, c)
	set.enqueue(o)
	set.start()
}

// enqueue puts a tenant at the end of the ring, unless it is in the ring, has no ready
// consumer, or has too many blocked events. The caller holds set.mu.
func (set *Set) enqueue(o *owner) {
	if o.queued || o.head == len(o.ready) || o.tooManyBlocked() {
		return
	}
	o.queued = true
	if set.last == nil {
		o.next = o
	} else {
		o.next, set.last.next = set.last.next, o
	}
	set.last = o
}

// start starts a goroutine of work, if events wait and fewer than maxRunning run. The
// caller holds set.mu.
func (set *Set) start() {
	if set.last != nil && set.running < set.maxRunning {
		set.running++
		go set.work()
	}
}

// callLayer calls do, which may wait for the channel layer and needs no instance of
// the guest. If the caller is a goroutine of work (fromWork), another one may run
// meanwhile: otherwise a slow layer would delay the events of all tenants.
func (set *Set) callLayer(ep *endpoint, fromWork bool, do func()) {
	set.mu.Lock()
	ep.owner.blocked.Add(1)
	if fromWork {
		set.running--
		set.start()
	}
	set.mu.Unlock()
	defer func() {
		set.mu.Lock()
		defer set.mu.Unlock()
		ep.owner.blocked.Add(-1)
		if fromWork {
			set.running++ // pop ends a goroutine that exceeds maxRunning
		}
		set.enqueue(ep.owner)
		set.start()
	}()
	do()
}

// pop returns the first ready consumer of the tenant whose turn it is. If no tenant is
// in the ring, or more than limit goroutines run, it returns nil and the calling
// goroutine ends.
func (set *Set) pop(limit int) *Consumer {
	set.mu.Lock()
	defer set.mu.Unlock()
	if set.last == nil || set.running > limit {
		set.running--
		return nil
	}
	o := set.last.next
	if o == set.last {
		set.last = nil
	} else {
		set.last.next = o.next
	}
	o.queued = false
	c := o.ready[o.head]
	o.ready[o.head] = nil
	if o.head++; o.head < len(o.ready) {
		set.enqueue(o)
		return c
	}
	o.head = 0
	if o.ready = o.ready[:0]; cap(o.ready) > keptReady {
		o.ready = nil // frees the memory of a peak
	}
	return c
}

// work runs turns until pop returns nil.
func (set *Set) work() {
	for c := set.pop(set.maxRunning); c != nil; c = set.pop(set.maxRunning) {
		if c.turn() {
			set.push(c)
		}
		// Without this, the write to a connection that the turn woke would wait until
		// the scheduler preempts this goroutine, after 10 ms.
		runtime.Gosched()
	}
}
