package server

import (
	"context"
	"net/http"
	"sync"
	"time"

	"github.com/tenantedge/tenantedge/edge/internal/pace"
)

const (
	fallbackDescriptors = 4096
	mostDescriptors     = 1 << 20
)

// bounds are how many connections and requests there may be at once.
type bounds struct {
	connections int // of clients
	share       int // requests of one tenant
	websockets  int // of one tenant
	idle        int // connections to upstreams that are kept open
}

// newBounds fills in what the configuration leaves open. Each connection may
// need one to an upstream, or a file. A quarter of the descriptors is for all
// else: the database, tenants' files, connections kept open to upstreams.
func newBounds(connections, share, websockets, descriptors int) bounds {
	reserve := max(descriptors/4, 64)
	b := bounds{connections: connections, share: share, websockets: websockets, idle: max(reserve/2, 8)}
	if b.connections == 0 {
		b.connections = max((descriptors-reserve)/2, 16)
	}
	if b.share == 0 {
		b.share = max(b.connections/2, 1)
	}
	if b.websockets == 0 {
		b.websockets = max(b.connections/4, 1)
	}
	return b
}

// taken counts the connections of websockets, which net/http does not know of.
// The count may be a second old.
type taken struct {
	ask func() (clients, upstreams int)

	mu                 sync.Mutex
	asked              time.Time
	clients, upstreams int
}

const askTaken = time.Second

func (t *taken) count() (clients, upstreams int) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if now := time.Now(); now.Sub(t.asked) >= askTaken {
		t.asked = now
		t.clients, t.upstreams = t.ask()
	}
	return t.clients, t.upstreams
}

// websockets counts those that are open. Those that pass through to an
// application count from the handshake on, and their upstreams as requests.
func (s *Server) websockets() (clients, upstreams int) {
	w := s.host.WebsocketStats()
	upstreams = int(w.Upstreams)
	return int(w.Polled+w.Goroutines) - upstreams + s.upgrades.count(), upstreams
}

// paced holds clients to a minimum rate.
func (s *Server) paced(next http.Handler) http.Handler {
	return pace.Handler(&pace.Limits{
		Body: s.options.Limits.BodyTimeout, Answer: s.options.Limits.AnswerTimeout, Rate: s.options.Limits.MinRate,
		Late: func(r *http.Request, d pace.Direction) {
			if d == pace.ForBody { // which the handler notes: another goroutine may read the body
				s.slow.body.Add(1)
				return
			}
			s.slow.answer.Add(1)
			noteOf(r.Context()).reason = "the client reads too slowly"
		},
		HangUp: func(ctx context.Context) {
			if c, ok := ctx.Value(clientKey{}).(*clientConn); ok {
				closeNow(c.conn)
			}
		},
	}, next)
}
