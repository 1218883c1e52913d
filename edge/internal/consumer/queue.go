package consumer

import (
	"fmt"
	"runtime/debug"
	"sync"

	"github.com/tenantedge/tenantedge/edge/channel"
	"github.com/tenantedge/tenantedge/edge/internal/instance"
)

// event is a queued event.
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
		releaseMessage(e.message)
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

// begin sets busy and reports whether it was unset. If so, the caller runs its event
// and then calls yield.
func (c *Consumer) begin() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.busy {
		return false
	}
	c.busy, c.sendsDone = true, false
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
		c.endpoint.set.push(c)
	}
}

// nextEvent removes and returns the first waiting event. If none waits, it clears busy
// and returns nil.
func (c *Consumer) nextEvent() *event {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.sendsDone = false
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

// yield ends an event that begin started: it makes the consumer ready if events wait,
// and clears busy otherwise.
func (c *Consumer) yield() {
	c.mu.Lock()
	more := c.events != nil
	c.busy = more
	c.mu.Unlock()
	if more {
		c.endpoint.set.push(c)
	}
}

// turn runs up to maxTurn waiting events, and reports whether more may wait.
func (c *Consumer) turn() (more bool) {
	for range maxTurn {
		e := c.nextEvent()
		if e == nil {
			return false
		}
		c.handle(e)
	}
	return true
}

// handle runs one event of the queue.
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
	case e.alarm == nil || c.clearFired(e.alarm):
		c.run(true, e.export, e.word, e.data)
	}
}
