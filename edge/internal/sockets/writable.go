package sockets

import (
	"runtime"
	"time"
)

// WaitWritable waits until half of the queue is free again, for who sends much and
// would rather wait than be cut off. It returns ErrClosed once nothing more can
// be sent, or nothing was taken for WriteTimeout, and nil when there is room;
// done ends the wait early. A handler may wait in Message, not in Open, for
// nothing is sent before that returns.
func (c *Conn) WaitWritable(done <-chan struct{}) error {
	for {
		c.mu.Lock()
		if c.calling {
			c.writeInHandler()
		}
		if c.closing || c.broken {
			c.mu.Unlock()
			return ErrClosed
		}
		if c.out.size <= c.hub.config.MaxQueue/2 {
			c.mu.Unlock()
			return nil
		}
		wait := c.writable()
		var late *time.Timer
		var lateC <-chan time.Time
		if c.calling {
			late = time.NewTimer(c.hub.config.WriteTimeout)
			lateC = late.C
		}
		c.mu.Unlock()
		select {
		case <-wait:
		case <-lateC:
		case <-done:
			return nil
		}
		if late != nil {
			late.Stop()
		}
	}
}

// relieve writes what waits while the one that serves the connection is in its
// handler, and so may be who waits for that. The connection is locked.
func (c *Conn) writeInHandler() {
	if c.writing || c.broken || c.out.size == 0 {
		return
	}
	if s, ok := c.stream.(*blocking); ok {
		go s.writeOut(c)
		return
	}
	for again := true; again; again = c.flags.Load()&flagFlush != 0 && !c.broken && c.out.size > 0 {
		c.flags.And(^flagFlush)
		c.writeLocked()
	}
	if c.out.size > 0 && c.hub.tick.Load()-c.progressAt >= c.hub.ticks(c.hub.config.WriteTimeout) {
		c.hub.counters.timeouts.Add(1)
		c.failWrite()
	}
}

// called is to be called before and after the handler: while it runs, others
// may write for the one that serves the connection.
func (c *Conn) setCalling(now bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.calling = now
	if now {
		c.wakeWaiters() // from now on they have to write for themselves
	}
	for !now && c.writing && c.stream.isPolled() {
		// It is about to be done: such a write does not wait.
		c.mu.Unlock()
		runtime.Gosched()
		c.mu.Lock()
	}
}

// roomAgain has those look again who wait while the handler is called: the
// kernel takes more.
func (c *Conn) kernelWritable() {
	c.mu.Lock()
	if c.calling {
		c.wakeWaiters()
	}
	c.mu.Unlock()
}

// tell wakes who waits in Drained.
func (c *Conn) wakeIfWritable() {
	if c.closing || c.broken || c.out.size <= c.hub.config.MaxQueue/2 {
		c.wakeWaiters()
	}
}
