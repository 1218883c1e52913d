package sockets

import "sync/atomic"

// inflation counts the bytes of inflated messages that are being handled: a
// frame of a few kilobytes can become one of megabytes, so the bounds of a
// message and of a connection do not bound their sum. One tenant may take half.
type inflation struct {
	limit int64
	bytes atomic.Int64
}

// charge is what one message holds of its hub's and its tenant's allowance. The
// zero value is of a connection without a hub, and counts nothing.
type charge struct {
	hub    *inflation
	tenant *tenant
	bytes  int64
}

// of sets the connection whose messages are charged.
func (c *charge) setConn(conn *Conn) { c.hub, c.tenant = &conn.hub.inflation, conn.tenant }

// grow takes n bytes more; it reports whether they are within the allowance.
func (c *charge) grow(n int64) bool {
	if c.hub == nil {
		return true
	}
	c.bytes += n
	total, own := c.hub.bytes.Add(n), c.tenant.inflated.Add(n)
	return total <= c.hub.limit && own <= c.hub.limit/2
}

// shrink gives n bytes back.
func (c *charge) shrink(n int64) {
	if c.hub == nil {
		return
	}
	c.bytes -= n
	c.hub.bytes.Add(-n)
	c.tenant.inflated.Add(-n)
}

// end gives all back.
func (c *charge) end() { c.shrink(c.bytes) }

// readAtLeast is the least room that the inflater gets.
const readAtLeast = 512

// room makes room in a buffer for a message of at most limit bytes, charging the
// new one before it is made; it reports whether it may be.
func (c *charge) room(b []byte, limit int64) ([]byte, bool) {
	if cap(b)-len(b) >= readAtLeast {
		return b, true
	}
	size := min(max(2*cap(b), smallBuffer), max(int(limit), len(b))+readAtLeast)
	if !c.grow(int64(size)) {
		return b, false
	}
	bigger := append(getBuffer(size), b...)
	c.grow(int64(cap(bigger) - size)) // pooled buffers have few sizes
	c.shrink(int64(cap(b)))
	putBuffer(b)
	return bigger, true
}
