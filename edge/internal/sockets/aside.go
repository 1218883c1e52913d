package sockets

// aside is what few connections have, and most of these not for long: an idle
// one has but a word for it.
type aside struct {
	protocol string        // that was chosen
	reason   string        // beside the code that it was closed with
	drained  chan struct{} // closed when those who wait for room are to look again
}

// beside returns what is set aside, for writing. The connection is locked.
func (c *Conn) beside() *aside {
	if c.aside == nil {
		c.aside = new(aside)
	}
	return c.aside
}

// Protocol is the subprotocol that was chosen; empty if none was.
func (c *Conn) Protocol() string {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.aside == nil {
		return ""
	}
	return c.aside.protocol
}

// reason is the one that the connection was closed with. It is locked.
func (c *Conn) reason() string {
	if c.aside == nil {
		return ""
	}
	return c.aside.reason
}

// wakeWaiters has those who wait for room look again.
func (c *Conn) wakeWaiters() {
	if c.aside != nil && c.aside.drained != nil {
		close(c.aside.drained)
		c.aside.drained = nil
	}
}

// waiters returns the channel that wakeWaiters closes.
func (c *Conn) waiters() <-chan struct{} {
	a := c.beside()
	if a.drained == nil {
		a.drained = make(chan struct{})
	}
	return a.drained
}
