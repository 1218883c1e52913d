package websocket

import (
	"strings"

	"github.com/tenantedge/tenantedge/edge/channel"
	"github.com/tenantedge/tenantedge/edge/stats"
)

// Stats are the counters of a Host's websockets.
type Stats struct {
	Served bool // false: no websockets are configured, and all else is zero

	// At this moment.
	Polled     int64 // connections without a goroutine (Linux only)
	Goroutines int64 // connections with a goroutine
	Upstreams  int64 // of these, connections to applications: one for each relayed websocket
	Tenants    int   // with at least one websocket
	Routes     int   // pairs of tenant and route with at least one websocket of a Handler
	Workers    int   // goroutines that handle events
	Inflated   int64 // bytes of inflated messages that are being handled

	// Since the start.
	Accepted, Rejected uint64 // handshakes
	Received, Sent     uint64 // messages from and to clients
	Slow               uint64 // closed with 1013: the client reads too slowly
	Limited            uint64 // closed with 1013: the tenant exceeded its message rate
	Overinflated       uint64 // closed with 1013: too many inflated bytes
	Timeouts           uint64 // no answer to a ping, no progress in a write, or no answer to a close frame
	Panics             uint64 // of handlers
	Removed            uint64 // closed with 1008: the tenant was removed
	Moved              uint64 // closed with 1012: the tenant has another upstream
	Interrupted        uint64 // closed with 1012: the channel layer broke; without the guest's, see Consumers
	// Closed counts websockets by close code; 0 has the codes outside of 1000 to
	// 1015.
	Closed map[int]uint64

	Consumers stats.Consumers // of the websockets that the guest handles
	Channels  channel.Stats
}

// Stats returns the counters.
func (s *Server) Stats() Stats {
	h := s.hub.Stats()
	all := Stats{
		Served: true, Polled: h.Polled, Goroutines: h.Goroutines, Upstreams: h.Upstreams, Tenants: h.Tenants, Workers: h.Workers,
		Accepted: h.Accepted, Rejected: h.Rejected + s.unrouted.Load(), Received: h.Received, Sent: h.Sent,
		Slow: h.Slow, Limited: h.Limited, Timeouts: h.Timeouts, Panics: h.Panics, Inflated: h.Inflated, Overinflated: h.Overinflated,
		Removed: s.removed.Load(), Moved: s.moved.Load(), Interrupted: s.interrupted.Load(),
		Closed:    make(map[int]uint64, len(h.Closed)),
		Consumers: s.edge.Guest.Stats(), Channels: s.layer.Stats(),
	}
	s.mu.Lock()
	all.Routes = len(s.routes)
	s.mu.Unlock()
	for code, n := range h.Closed {
		all.Closed[int(code)] = n
	}
	return all
}

// Count returns how many clients' websockets are open, and how many of them are
// relayed to applications. It takes no lock.
func (s *Server) Count() (open, relayed int) { return s.hub.Count() }

// CountTenant returns how many websockets of the tenant with a guests.Key are open, and
// how many descriptors they take.
func (s *Server) CountTenant(key string) (open, descriptors int) { return s.hub.CountTenant(key) }

// Busiest returns the n tenants with the most open websockets, those with the most first.
// It looks at all tenants that have any.
func (s *Server) Busiest(n int) []Busy {
	busiest := make([]Busy, 0, n)
	for _, b := range s.hub.Busiest(n) {
		schema, id, _ := strings.Cut(b.Key, "/") // as guests.Key joins them
		busiest = append(busiest, Busy{Schema: schema, ID: id, Open: b.Open})
	}
	return busiest
}

// Busy is a tenant with open websockets.
type Busy struct {
	Schema string
	ID     string // of its row; empty: a static tenant
	Open   int
}

// Relayed returns how many websockets of the tenant with a guests.Key are relayed to
// applications, or in their handshake.
func (s *Server) Relayed(key string) int { return s.hub.Relays(key) }
