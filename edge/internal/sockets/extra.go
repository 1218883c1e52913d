package sockets

// aside is what few connections have, and most of these not for long: an idle
// one has but a word for it.
type extra struct {
	protocol string        // that was chosen
	reason   string        // beside the code that it was closed with
	writable chan struct{} // closed when those who wait for room are to look again
}

// beside returns what is set aside, for writing. The connection is locked.
func (c *Conn) ensureExtra() *extra {
	if c.extra == nil {
		c.extra = new(extra)
	}
	return c.extra
}

// Protocol is the subprotocol that was chosen; empty if none was.
func (c *Conn) Protocol() string {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.extra == nil {
		return ""
	}
	return c.extra.protocol
}

// reason is the one that the connection was closed with. It is locked.
func (c *Conn) reason() string {
	if c.extra == nil {
		return ""
	}
	return c.extra.reason
}

// wakeWaiters has those who wait for room look again.
func (c *Conn) wakeWaiters() {
	if c.extra != nil && c.extra.writable != nil {
		close(c.extra.writable)
		c.extra.writable = nil
	}
}

// waiters returns the channel that wakeWaiters closes.
func (c *Conn) writable() <-chan struct{} {
	a := c.ensureExtra()
	if a.writable == nil {
		a.writable = make(chan struct{})
	}
	return a.writable
}
