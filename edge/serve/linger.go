package serve

import (
	"context"
	"time"
)

// linger waits until clients no longer send requests on the open connections.
//
// http.Server.Shutdown closes a connection as soon as it has no request. But a
// client may be sending the next one, which is then lost. During linger each
// response asks the client to close the connection, and one without a request stays
// open for limits.shutdown_linger, counted from the start of the shutdown or the end
// of its last response. This applies also to connections that have just been
// accepted and have sent nothing.
func (s *Server) linger(ctx context.Context) {
	longest := s.now().options.Limits.ShutdownLinger
	if longest == 0 {
		return
	}
	began := time.Now()
	for _, c := range []*connections{s.connections, s.asking} {
		for {
			wait := c.lingering(began, longest)
			if wait < 0 || !sleep(ctx, wait) {
				break
			}
		}
		c.closeUnused()
	}
}

// lingerPause is the time between two looks at the connections during a shutdown.
const lingerPause = 5 * time.Millisecond

// lingering returns how long to wait before the next look, and less than 0 if all
// open connections have waited for a request for the time longest since began.
func (c *connections) lingering(began time.Time, longest time.Duration) time.Duration {
	c.mu.Lock()
	defer c.mu.Unlock()
	waiting := 0
	for n := c.waiting.next; n != &c.waiting; n = n.next {
		waiting++
		since := n.since
		if since.Before(began) {
			since = began
		}
		if time.Since(since) < longest || unread(n.conn) {
			return lingerPause
		}
	}
	if waiting < len(c.open) {
		return lingerPause
	}
	return -1
}

// closeUnused closes the connections that have never had a request, which
// http.Server.Shutdown leaves open for five seconds.
func (c *connections) closeUnused() {
	c.mu.Lock()
	defer c.mu.Unlock()
	for n := c.waiting.next; n != &c.waiting; n = n.next {
		if !n.used && !unread(n.conn) {
			closeNow(n.conn)
		}
	}
}
