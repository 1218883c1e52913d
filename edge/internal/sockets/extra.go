package sockets

// extra has the fields that few connections need, so that an idle connection has
// only a pointer to them.
type extra struct {
	protocol string        // the chosen subprotocol
	reason   string        // of the close frame
	writable chan struct{} // closed to wake goroutines that wait for room in the queue
}

// ensureExtra returns c.extra, and makes it if necessary. The caller holds mu.
func (c *Conn) ensureExtra() *extra {
	if c.extra == nil {
		c.extra = new(extra)
	}
	return c.extra
}

// Protocol returns the chosen subprotocol; empty if none.
func (c *Conn) Protocol() string {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.extra == nil {
		return ""
	}
	return c.extra.protocol
}

// reason returns the reason of the close frame. The caller holds mu.
func (c *Conn) reason() string {
	if c.extra == nil {
		return ""
	}
	return c.extra.reason
}

// wakeWaiters wakes the goroutines that wait on writable. The caller holds mu.
func (c *Conn) wakeWaiters() {
	if c.extra != nil && c.extra.writable != nil {
		close(c.extra.writable)
		c.extra.writable = nil
	}
}

// writable returns the channel that wakeWaiters closes. The caller holds mu.
func (c *Conn) writable() <-chan struct{} {
	x := c.ensureExtra()
	if x.writable == nil {
		x.writable = make(chan struct{})
	}
	return x.writable
}
