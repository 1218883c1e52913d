package sockets

import "sync/atomic"

// inflation counts the bytes of inflated messages that are being handled: a frame
// of a few kilobytes can inflate to megabytes, so limits for a message and a
// connection do not bound the sum. One tenant may use half of it.
type inflation struct {
	limit int64
	bytes atomic.Int64
}

// charge is the part of the hub's and the tenant's allowance that one message
// uses. The zero value belongs to no hub and counts nothing.
type charge struct {
	hub    *inflation
	tenant *tenant
	bytes  int64
}

// setConn sets the connection whose messages are charged.
func (c *charge) setConn(conn *Conn) { c.hub, c.tenant = &conn.hub.inflation, conn.tenant }

// grow charges n bytes, and reports whether the allowance covers them.
func (c *charge) grow(n int64) bool {
	if c.hub == nil {
		return true
	}
	c.bytes += n
	total, ofTenant := c.hub.bytes.Add(n), c.tenant.inflated.Add(n)
	return total <= c.hub.limit && ofTenant <= c.hub.limit/2
}

// shrink releases n bytes.
func (c *charge) shrink(n int64) {
	if c.hub == nil {
		return
	}
	c.bytes -= n
	c.hub.bytes.Add(-n)
	c.tenant.inflated.Add(-n)
}

// end releases all bytes.
func (c *charge) end() { c.shrink(c.bytes) }

// readAtLeast is the least room for a read of the inflater.
const readAtLeast = 512

// room ensures room in a buffer for a message of at most limit bytes. It charges a
// new buffer before it allocates it, and reports whether the allowance covers it.
func (c *charge) room(b []byte, limit int64) ([]byte, bool) {
	if cap(b)-len(b) >= readAtLeast {
		return b, true
	}
	size := min(max(2*cap(b), smallBuffer), max(int(limit), len(b))+readAtLeast)
	if !c.grow(int64(size)) {
		return b, false
	}
	larger := append(getBuffer(size), b...)
	c.grow(int64(cap(larger) - size)) // pooled buffers may be larger
	c.shrink(int64(cap(b)))
	putBuffer(b)
	return larger, true
}
