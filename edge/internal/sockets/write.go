package sockets

import "sync"

// maxSegments is how many buffers one write takes.
const maxSegments = 16

// writeSpace has the lists of buffers for one write.
var writeSpace = sync.Pool{New: func() any { return new([maxSegments][]byte) }}

// unwritten reports whether something is queued and no goroutine writes it.
func (c *Conn) needsWriter() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.out.size > 0 && !c.writing && !c.broken
}

// flush writes what waits, as far as it goes.
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

// writeLocked lets go of the lock while it writes.
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
			// The loop looks at the flag when there is room again, which may
			// be just now: so once more after setting it.
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
		c.out.clear() // what gone has counted off, and left while it was being written
	} else if c.out.size == 0 {
		c.flags.And(^flagBlocked)
	}
	c.wakeIfWritable()
}

// unwritable gives up what waits.
func (c *Conn) failWrite() {
	c.broken = true
	c.tenant.queued.Add(-int64(c.out.size))
	c.out.clear()
	c.wakeWaiters()
}
