package sockets

import "sync/atomic"

// Stats are the state of a hub, and counts since it was made.
type Stats struct {
	// Polled and Goroutines are the open connections of either kind.
	Polled, Goroutines int64
	// Upstreams are those of them that lead to upstreams.
	Upstreams int64
	// Tenants is the number of tenants with connections.
	Tenants int
	// Workers is the number of workers.
	Workers int
	// Accepted and Rejected count handshakes.
	Accepted, Rejected uint64
	// Received and Sent count messages.
	Received, Sent uint64
	// Slow counts connections closed because the peer read too slowly, Limited
	// those closed because the tenant exceeded its message rate, and Timeouts those
	// whose peer was silent, did not read, or did not finish the close handshake.
	Slow, Limited, Timeouts uint64
	// Inflated is the number of bytes of inflated messages that are being handled.
	// Overinflated counts connections closed because their message would have
	// exceeded MaxInflated.
	Inflated     int64
	Overinflated uint64
	// Panics counts panics of handlers.
	Panics uint64
	// Closed counts connections by close code; codes outside 1000 to 1015 have the
	// entry 0.
	Closed map[Code]uint64
}

type counters struct {
	polled, goroutines atomic.Int64
	upstreams          atomic.Int64
	accepted, rejected atomic.Uint64
	received, sent     atomic.Uint64
	slow, limited      atomic.Uint64
	timeouts, panics   atomic.Uint64
	overinflated       atomic.Uint64
	closed             [17]atomic.Uint64 // 1000 to 1015, and all others
}

func (n *counters) closedWith(code Code) {
	i := int(code) - 1000
	if i < 0 || i > 15 {
		i = 16
	}
	n.closed[i].Add(1)
}

// Stats returns the current figures.
func (h *Hub) Stats() Stats {
	n := &h.counters
	s := Stats{
		Polled: n.polled.Load(), Goroutines: n.goroutines.Load(), Upstreams: n.upstreams.Load(),
		Accepted: n.accepted.Load(), Rejected: n.rejected.Load(),
		Received: n.received.Load(), Sent: n.sent.Load(),
		Slow: n.slow.Load(), Limited: n.limited.Load(), Timeouts: n.timeouts.Load(), Panics: n.panics.Load(),
		Inflated: h.inflation.bytes.Load(), Overinflated: n.overinflated.Load(),
		Closed: map[Code]uint64{},
	}
	for i := range n.closed {
		if count := n.closed[i].Load(); count > 0 {
			code := Code(1000 + i)
			if i == 16 {
				code = 0
			}
			s.Closed[code] = count
		}
	}
	h.mu.Lock()
	s.Tenants = len(h.tenants)
	h.mu.Unlock()
	h.workers.mu.Lock()
	s.Workers = h.workers.running
	h.workers.mu.Unlock()
	return s
}

// Count returns the number of open connections of clients, and how many of them
// are relayed.
func (h *Hub) Count() (open, relayed int) {
	n := &h.counters
	relayed = int(n.upstreams.Load())
	return max(0, int(n.polled.Load()+n.goroutines.Load())-relayed), relayed
}
