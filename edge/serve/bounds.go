package serve

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
	websockets  int // descriptors of one tenant's websockets; 0: their number is configured
	idle        int // connections to upstreams that are kept open
}

// newBounds fills in what the configuration leaves open. Each connection may
// need one to an upstream, or a file. A quarter of the descriptors is for all
// else: the database, tenants' files, connections kept open to upstreams. Half
// of the connections for a tenant's requests and three eighths for its
// websockets leave an eighth to others.
func newBounds(connections, share, websockets, descriptors int) bounds {
	reserve := max(descriptors/4, 64)
	b := bounds{connections: connections, share: share, idle: max(reserve/2, 8)}
	if b.connections == 0 {
		b.connections = max((descriptors-reserve)/2, 16)
	}
	if b.share == 0 {
		b.share = max(b.connections/2, 1)
	}
	if websockets == 0 {
		b.websockets = max(2*b.connections*3/8, 1)
	}
	return b
}

// taken is what websockets take of the room for connections and for requests,
// which net/http does not know of. The count may be a second old.
type taken struct {
	ask func() (connections, requests int)

	mu                    sync.Mutex
	asked                 time.Time
	connections, requests int
}

const askTaken = time.Second

func (t *taken) count() (connections, requests int) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if now := time.Now(); now.Sub(t.asked) >= askTaken {
		t.asked = now
		t.connections, t.requests = t.ask()
	}
	return t.connections, t.requests
}

// websockets counts those that are open: those that the edge handles, those that
// it relays, and those that pass through to an application, which count from the
// handshake on.
func (s *Server) websockets() (handled, relayed, passing int) {
	open, relayed := s.host.OpenWebsockets()
	return open - relayed, relayed, s.passingWebsockets()
}

// taken returns what websockets take. Those that the edge handles need no
// descriptor for an upstream, so each takes half of a connection and half of a
// request. Those that pass through are requests of their own.
func (s *Server) taken() (connections, requests int) {
	handled, relayed, passing := s.websockets()
	both := relayed + (handled+1)/2
	return both + passing, both
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
