package websocket

import (
	"context"
	"time"

	"github.com/tenantedge/tenantedge/edge/internal/guests"
	"github.com/tenantedge/tenantedge/edge/internal/sockets"
	"github.com/tenantedge/tenantedge/edge/tenant"
)

// searchInterval is the minimum time between two searches for removed tenants, since
// a directory may change often. W4 allows 5 s.
const searchInterval = time.Second

// follow closes the websockets of tenants that are removed from the directory, and
// the relayed ones of those that are moved.
func (s *Server) follow(ctx context.Context, changed <-chan struct{}) {
	defer close(s.stopped)
	next := time.NewTimer(0)
	defer next.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-changed:
		}
		select {
		case <-ctx.Done():
			return
		case <-next.C:
		}
		next.Reset(searchInterval)
		changed = s.edge.Tenants.Directory.Changed() // before the search, so that no change is missed
		open := s.hub.Tenants()
		s.closeRemoved(open, s.edge.Tenants)
		s.closeMoved(open)
	}
}

// CloseRemoved closes the websockets of tenants that are not among others, which are
// those of another configuration, with 1008.
func (s *Server) CloseRemoved(others *guests.Tenants) { s.closeRemoved(s.hub.Tenants(), others) }

func (s *Server) closeRemoved(open []string, tenants *guests.Tenants) {
	for _, key := range open {
		if !tenants.Has(key) {
			n, _ := s.hub.CloseTenant(key, sockets.CodePolicy, "") // the code is sendable
			s.removed.Add(uint64(n))
			s.edge.Logger.Info("the websockets of a removed tenant are closed", "tenant", key, "sockets", n)
		}
	}
}

// closeMoved closes the relayed websockets of tenants whose row chooses another route
// table than it did, so that their clients connect to the new upstream.
func (s *Server) closeMoved(open []string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	before := s.tables
	s.tables = make(map[string]string, len(before))
	for _, key := range open {
		table, known := before[key]
		if !known {
			continue // none is relayed
		}
		now := s.edge.Tenants.PlaceNow(key).WSURLConf
		if s.tables[key] = now; now == table {
			continue
		}
		n := s.hub.CloseRelays(key, sockets.CodeRestart)
		s.moved.Add(uint64(n))
		s.edge.Logger.Info("the relayed websockets of a moved tenant are closed", "tenant", key, "sockets", n)
	}
}

// inPlace reports whether the row of a tenant still chooses the route table that it
// chose when a handshake was routed. The next change of the table closes the
// websocket.
func (s *Server) inPlace(t *tenant.Tenant) bool {
	if !t.Dynamic {
		return true
	}
	key, table := guests.Key(t), s.edge.Tenants.Place(t.Attributes).WSURLConf
	s.mu.Lock()
	defer s.mu.Unlock()
	if _, known := s.tables[key]; !known {
		s.tables[key] = table
	}
	return s.edge.Tenants.PlaceNow(key).WSURLConf == table
}
