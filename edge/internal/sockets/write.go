package sockets

import "sync"

// maxSegments bounds the buffers of one write.
const maxSegments = 16

// writeSpace has arrays for the buffers of one write.
var writeSpace = sync.Pool{New: func() any { return new([maxSegments][]byte) }}

// needsWriter reports whether the queue is not empty and no goroutine writes it.
func (c *Conn) needsWriter() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.out.size > 0 && !c.writing && !c.broken
}

// flush writes the queue, until it is empty or the kernel has no room.
func (c *Conn) flush() {
	c.write()
	if c.isRelay {
		c.releaseRelay()
	}
}

func (c *Conn) write() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.writeLocked()
}

// writeLocked is write for a caller that holds mu. It releases mu during writes.
func (c *Conn) writeLocked() {
	if c.writing {
		return
	}
	c.writing = true
	space := writeSpace.Get().(*[maxSegments][]byte)
	defer writeSpace.Put(space)
	tried := false
	for c.out.size > 0 && !c.broken {
		bufs := c.out.head(space[:0])
		c.mu.Unlock()
		n, err := c.stream.write(bufs)
		clear(bufs)
		c.mu.Lock()
		if c.broken {
			break
		}
		if n > 0 {
			c.out.advance(n)
			c.tenant.queued.Add(-int64(n))
			c.progressAt = c.hub.tick.Load()
			tried = false
		}
		if c.tooSlow {
			c.dropQueue()
		}
		if err == errWouldBlock {
			// The poller checks the flag when there is room again, which may have
			// happened already: so try once more after setting it.
			if tried {
				break
			}
			tried = true
			c.flags.Or(flagBlocked)
			continue
		}
		if err != nil {
			c.failWrite()
		}
	}
	c.writing = false
	if c.broken {
		c.out.clear() // terminate has removed the queue from the counts and left it to this writer
	} else if c.out.size == 0 {
		c.flags.And(^flagBlocked)
	}
	c.wakeIfWritable()
}

// failWrite marks the connection as broken and drops its queue. The caller holds
// mu.
func (c *Conn) failWrite() {
	c.broken = true
	c.tenant.queued.Add(-int64(c.out.size))
	c.out.clear()
	c.wakeWaiters()
}
