package sockets

import (
	"runtime"
	"time"
)

// WaitWritable waits until at least half of MaxQueue is free, so that a sender of
// much data does not cause 1013. It returns nil then, and also when done is closed.
// It returns ErrClosed if the connection is closing, or if nothing was written
// for WriteTimeout. Message may call it; Open may not, since nothing is written
// before Open returns.
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

// writeInHandler writes the queue while Message runs, since the goroutine that
// serves the connection cannot. The caller holds mu.
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

// setCalling is called before and after Message. While Message runs, waiting
// senders write the queue themselves.
func (c *Conn) setCalling(now bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.calling = now
	if now {
		c.wakeWaiters() // they have to write the queue now
	}
	for !now && c.writing && c.stream.isPolled() {
		// Writes of polled connections do not block, so this one ends soon.
		c.mu.Unlock()
		runtime.Gosched()
		c.mu.Lock()
	}
}

// kernelWritable wakes the senders that wait while Message runs: the kernel has
// room.
func (c *Conn) kernelWritable() {
	c.mu.Lock()
	if c.calling {
		c.wakeWaiters()
	}
	c.mu.Unlock()
}

// wakeIfWritable wakes the senders in WaitWritable if they can return. The caller
// holds mu.
func (c *Conn) wakeIfWritable() {
	if c.closing || c.broken || c.out.size <= c.hub.config.MaxQueue/2 {
		c.wakeWaiters()
	}
}
