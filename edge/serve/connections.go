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

// connections limits the open connections of clients. At the limit a new one
// replaces the one that has waited longest for a request. Accepting never stops,
// since clients that hold idle connections could then keep out all others.
type connections struct {
	websockets *usage // hijacked connections
	log        *slog.Logger

	evicted, refused atomic.Uint64

	mu      sync.Mutex
	limit   int
	open    map[net.Conn]*connection
	waiting connection // sentinel of the list of those waiting for a request, longest first
	logged  time.Time  // when the limit was last logged
}

// connection is a client's connection. It is in the list while it waits.
type connection struct {
	conn       net.Conn
	since      time.Time // when it began to wait
	used       bool      // it has had a request
	prev, next *connection
}

const (
	logPause   = time.Minute           // between records about the limit
	maxSkipped = 16                    // connections with an unread request that are skipped to find one to close
	minWait    = 20 * time.Millisecond // how long a connection may wait for its request before it can be closed
)

func newConnections(websockets *usage, log *slog.Logger) *connections {
	c := &connections{websockets: websockets, log: log, open: map[net.Conn]*connection{}}
	c.waiting.prev, c.waiting.next = &c.waiting, &c.waiting
	return c
}

// setLimit sets the limit for new connections. Those that are open stay.
func (c *connections) setLimit(limit int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.limit = limit
}

// stateChanged is the ConnState of every listener's server.
func (c *connections) stateChanged(conn net.Conn, state http.ConnState) {
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

// admit counts a new connection. At the limit it returns a connection to close:
// the one that has waited longest, or the new one if none waits. It blocks, and
// so does accepting, until that connection has waited for minWait.
func (c *connections) admit(conn net.Conn) net.Conn {
	used, _ := c.websockets.count()
	c.mu.Lock()
	defer c.mu.Unlock()
	n := &connection{conn: conn}
	for len(c.open)+used >= c.limit {
		drop := c.longestLocked()
		if drop == nil {
			c.refused.Add(1)
			c.logLocked()
			return conn
		}
		if early := minWait - time.Since(drop.since); early > 0 {
			c.mu.Unlock()
			time.Sleep(early)
			c.mu.Lock()
			continue
		}
		c.evicted.Add(1)
		c.logLocked()
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

// longestLocked returns the connection that has waited longest, nil if none
// waits. It skips connections whose request has arrived and is not read yet.
func (c *connections) longestLocked() *connection {
	for range maxSkipped {
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

func (c *connections) logLocked() {
	if now := time.Now(); now.Sub(c.logged) >= logPause {
		c.logged = now
		c.log.Warn("limits.connections is reached: waiting connections are closed to make room for new ones", "limit", c.limit)
	}
}

func (c *connections) busy(conn net.Conn) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if n := c.open[conn]; n != nil {
		n.used = true
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

// interrupt makes pending reads of bodies fail, except in HTTP/2, where it would
// close the connection.
func (c *connections) interrupt() {
	c.mu.Lock()
	defer c.mu.Unlock()
	for conn := range c.open {
		if secure, ok := conn.(*tls.Conn); !ok || secure.ConnectionState().NegotiatedProtocol != "h2" {
			_ = conn.SetReadDeadline(time.Unix(1, 0))
		}
	}
}

// count returns how many connections are open, without websockets, and how many
// of them wait for a request.
func (c *connections) count() (open, waiting int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for n := c.waiting.next; n != &c.waiting; n = n.next {
		waiting++
	}
	return len(c.open), waiting
}

// wait appends n to the list.
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

// closeNow closes a connection without TLS's close_notify, which could block.
func closeNow(conn net.Conn) {
	if secure, ok := conn.(*tls.Conn); ok {
		conn = secure.NetConn()
	}
	_ = conn.Close()
}
