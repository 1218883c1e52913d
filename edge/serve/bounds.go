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
	maxDescriptors      = 1 << 20
)

// bounds limit connections and concurrent requests.
type bounds struct {
	connections int // of clients
	share       int // concurrent requests of one tenant
	websockets  int // descriptors of one tenant's websockets; 0: limits.websocket.connections is set
	idle        int // idle connections to upstreams
}

// newBounds derives the limits that the configuration leaves at 0 from the number
// of descriptors. A quarter of them is reserved for the database, files and idle
// connections to upstreams. The rest is halved, because each connection of a
// client may need one to an upstream, or a file. A tenant's requests may use half
// of the connections and its websockets three eighths, which leaves an eighth to
// the others.
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

// usage caches how much of the limits of connections and requests is used by
// websockets, which net/http does not count. It may be a second old.
type usage struct {
	measure func() (connections, requests int)

	mu                    sync.Mutex
	measured              time.Time
	connections, requests int
}

const usageAge = time.Second

func (u *usage) count() (connections, requests int) {
	u.mu.Lock()
	defer u.mu.Unlock()
	if now := time.Now(); now.Sub(u.measured) >= usageAge {
		u.measured = now
		u.connections, u.requests = u.measure()
	}
	return u.connections, u.requests
}

// websockets counts the open websockets that the edge handles, that it relays,
// and that pass through to an application. The latter count from the handshake
// on.
func (s *Server) websockets() (handled, relayed, passing int) {
	for _, g := range s.generations.all() {
		open, r := g.host.OpenWebsockets()
		handled, relayed, passing = handled+open-r, relayed+r, passing+g.passingWebsockets()
	}
	return handled, relayed, passing
}

// websocketUsage returns how many connections and requests websockets count for.
// One that the edge handles needs no descriptor for an upstream, so it counts
// half in both. One that passes through is counted as a request anyway.
func (s *Server) websocketUsage() (connections, requests int) {
	handled, relayed, passing := s.websockets()
	both := relayed + (handled+1)/2
	return both + passing, both
}

// paced enforces limits.min_rate and the timeouts of bodies and answers.
func (s *generation) paced(next http.Handler) http.Handler {
	return pace.Handler(&pace.Limits{
		Body: s.options.Limits.BodyTimeout, Answer: s.options.Limits.AnswerTimeout, Rate: s.options.Limits.MinRate,
		Late: func(r *http.Request, d pace.Direction) {
			if d == pace.ForBody { // the handler sets the reason: another goroutine may read the body
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
