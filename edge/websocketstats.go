package edge

import (
	"github.com/tenantedge/tenantedge/edge/channel"
	"github.com/tenantedge/tenantedge/edge/stats"
)

// WebsocketStats are the figures of a Host's websockets.
type WebsocketStats struct {
	Served bool // false: no websockets are configured, all else is zero

	// Polled and Goroutines are the connections of this moment: those that are
	// held without a goroutine (Linux), and with one. Upstreams are those of
	// them that lead to upstreams, one for each socket that is relayed.
	Polled, Goroutines, Upstreams int64
	Tenants                       int // that have at least one
	Workers                       int // goroutines that run events

	Accepted, Refused uint64 // handshakes
	Received, Sent    uint64 // messages of clients, and to them
	Slow              uint64 // closed with 1013: they read too slowly
	Limited           uint64 // closed with 1013: their tenant was over its rate
	Timeouts          uint64 // gave no sign of life, took nothing, or did not finish closing
	Inflated          int64  // bytes of inflated messages that are handled at this moment
	Overinflated      uint64 // closed with 1013: too much was being inflated
	Panics            uint64 // of handlers
	Removed           uint64 // closed with 1008: their tenant was removed
	Interrupted       uint64 // closed with 1012: the channel layer broke; without the guest's, see Consumers
	// Closed counts sockets by the code they ended with; 0 has the codes outside
	// of 1000 to 1015.
	Closed map[int]uint64

	Consumers stats.Consumers // those that the guest handles
	Channels  channel.Stats
}

// WebsocketStats returns the figures of this moment.
func (h *Host) WebsocketStats() WebsocketStats {
	w := h.websockets
	if w == nil {
		return WebsocketStats{}
	}
	s := w.hub.Stats()
	all := WebsocketStats{
		Served: true, Polled: s.Polled, Goroutines: s.Goroutines, Upstreams: s.Upstreams, Tenants: s.Tenants, Workers: s.Workers,
		Accepted: s.Accepted, Refused: s.Rejected + w.unrouted.Load(), Received: s.Received, Sent: s.Sent,
		Slow: s.Slow, Limited: s.Limited, Timeouts: s.Timeouts, Panics: s.Panics, Inflated: s.Inflated, Overinflated: s.Overinflated,
		Removed: w.removed.Load(), Interrupted: w.interrupted.Load(),
		Closed:    make(map[int]uint64, len(s.Closed)),
		Consumers: h.consumers.Stats(), Channels: w.layer.Stats(),
	}
	for code, n := range s.Closed {
		all.Closed[int(code)] = n
	}
	return all
}

// OpenWebsockets returns how many clients' websockets are open, and how many of
// them are relayed to upstreams. It takes no lock.
func (h *Host) OpenWebsockets() (open, relayed int) {
	if h.websockets == nil {
		return 0, 0
	}
	return h.websockets.hub.Count()
}
