package serve

import (
	"crypto/tls"
	"log/slog"
	"net"
	"net/http"
	"sync"
	"sync/atomic"
	"time"
)

// connections bounds how many clients' connections are open at once. When there
// is no room for a new one, the one that has waited longest for a request is
// closed. Accepting never stops: clients that hold connections without using
// them would keep out all others.
type connections struct {
	most  int
	taken *taken // connections that net/http has given up
	log   *slog.Logger

	evicted, refused atomic.Uint64

	mu      sync.Mutex
	open    map[net.Conn]*connection
	waiting connection // the ends of the list of those that wait for a request, the longest first
	told    time.Time  // when the log last had a line about it
}

// connection is one of a client. It is on a list while it waits.
type connection struct {
	conn       net.Conn
	since      time.Time // when it began to wait
	prev, next *connection
}

// tellFull is the time between lines of the log about a lack of room.
const tellFull = time.Minute

// mostSpared bounds how many connections are looked at for a new one, leastWait
// is the time that each has before it is closed for one.
const (
	mostSpared = 16
	leastWait  = 20 * time.Millisecond
)

func newConnections(most int, taken *taken, log *slog.Logger) *connections {
	c := &connections{most: most, taken: taken, log: log, open: map[net.Conn]*connection{}}
	c.waiting.prev, c.waiting.next = &c.waiting, &c.waiting
	return c
}

// changed is the ConnState of every listener's server.
func (c *connections) changed(conn net.Conn, state http.ConnState) {
	switch state {
	case http.StateNew:
		if drop := c.admit(conn); drop != nil {
			closeNow(drop)
		}
	case http.StateActive:
		c.busy(conn)
	case http.StateIdle:
		c.idle(conn)
	case http.StateClosed, http.StateHijacked:
		c.remove(conn)
	}
}

// admit counts a new connection and returns one to close, if there is no room:
// the connection that has waited longest, or, where none waits, the new one.
// Accepting waits meanwhile: in a crowd, each connection has leastWait to send
// its request.
func (c *connections) admit(conn net.Conn) net.Conn {
	taken, _ := c.taken.count()
	c.mu.Lock()
	defer c.mu.Unlock()
	n := &connection{conn: conn}
	for len(c.open)+taken >= c.most {
		drop := c.longestLocked()
		if drop == nil {
			c.refused.Add(1)
			c.tellLocked()
			return conn
		}
		if early := leastWait - time.Since(drop.since); early > 0 {
			c.mu.Unlock()
			time.Sleep(early)
			c.mu.Lock()
			continue
		}
		c.evicted.Add(1)
		c.tellLocked()
		drop.leave()
		delete(c.open, drop.conn)
		c.addLocked(n)
		return drop.conn
	}
	c.addLocked(n)
	return nil
}

func (c *connections) addLocked(n *connection) {
	c.open[n.conn] = n
	n.wait(&c.waiting)
}

// longestLocked returns the connection that has waited longest; nil: none waits.
// Those whose request has arrived wait for the processor alone, and are spared.
func (c *connections) longestLocked() *connection {
	for range mostSpared {
		longest := c.waiting.next
		if longest == &c.waiting {
			return nil
		}
		if !unread(longest.conn) {
			return longest
		}
		longest.leave()
		longest.wait(&c.waiting)
	}
	return c.waiting.next
}

func (c *connections) tellLocked() {
	if now := time.Now(); now.Sub(c.told) >= tellFull {
		c.told = now
		c.log.Warn("there are as many connections as limits.connections allows: connections that wait for a request are closed for new ones", "limit", c.most)
	}
}

func (c *connections) busy(conn net.Conn) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if n := c.open[conn]; n != nil {
		n.leave()
	}
}

func (c *connections) idle(conn net.Conn) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if n := c.open[conn]; n != nil {
		n.leave()
		n.wait(&c.waiting)
	}
}

func (c *connections) remove(conn net.Conn) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if n := c.open[conn]; n != nil {
		n.leave()
		delete(c.open, conn)
	}
}

// interrupt ends reads of bodies that are under way, except in HTTP/2, whose
// connection would end with them.
func (c *connections) interrupt() {
	c.mu.Lock()
	defer c.mu.Unlock()
	for conn := range c.open {
		if secure, ok := conn.(*tls.Conn); !ok || secure.ConnectionState().NegotiatedProtocol != "h2" {
			_ = conn.SetReadDeadline(time.Unix(1, 0))
		}
	}
}

// count returns how many connections are open, without those taken, and how
// many of them wait for a request.
func (c *connections) count() (open, waiting int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for n := c.waiting.next; n != &c.waiting; n = n.next {
		waiting++
	}
	return len(c.open), waiting
}

// wait puts n at the end of a list.
func (n *connection) wait(ends *connection) {
	n.since = time.Now()
	n.prev, n.next = ends.prev, ends
	n.prev.next, ends.prev = n, n
}

func (n *connection) leave() {
	if n.next != nil {
		n.prev.next, n.next.prev = n.next, n.prev
		n.prev, n.next = nil, nil
	}
}

// closeNow closes a connection without TLS's close_notify, which may have to
// wait for the client.
func closeNow(conn net.Conn) {
	if secure, ok := conn.(*tls.Conn); ok {
		conn = secure.NetConn()
	}
	_ = conn.Close()
}
