package serve

import (
	"context"
	"net/http"

	"github.com/tenantedge/tenantedge/edge/config"
	"github.com/tenantedge/tenantedge/edge/internal/errorpage"
	"github.com/tenantedge/tenantedge/edge/internal/hold"
	"github.com/tenantedge/tenantedge/edge/tenant"
	"github.com/tenantedge/tenantedge/edge/upstream"
	"github.com/tenantedge/tenantedge/guest/tenancy"
)

// room is the handler of a urlconf of the kind hold.
type room struct{ *hold.Room }

// newRoom returns an empty room. A waiting request of HTTP/1 takes a connection, so
// all rooms together have at most half of them.
func (s *generation) newRoom(h *config.Hold) room {
	holds := 0
	for _, c := range s.options.URLConfs {
		if c.Hold != nil {
			holds++
		}
	}
	requests := min(h.Requests, max(s.bounds.connections/2/holds, 1))
	return room{hold.NewRoom(hold.Limits{Timeout: h.Timeout, Requests: requests, Bytes: h.Bytes})}
}

// ServeHTTP makes the request wait once rerouted has it back.
func (h room) ServeHTTP(_ http.ResponseWriter, r *http.Request) {
	a := attemptOf(r.Context()) // there is one, since the server has a room
	o := ownerOf(r)
	a.held, a.tenant = h.Room, hold.Tenant{Schema: o.schema, ID: o.id}
}

// attempt is one decision about a request, and what came of it.
type attempt struct {
	changed <-chan struct{} // closed if the directory has changed since before the decision
	waiter  *hold.Waiter    // nil: the request has not waited
	held    *hold.Room      // where the decision lets it wait; nil: nowhere
	tenant  hold.Tenant     // if held
	stale   bool            // the row changed during the decision
}

type attemptKey struct{}

// attemptOf returns the attempt of a request, or nil if no row decides what serves
// a tenant.
func attemptOf(ctx context.Context) *attempt {
	a, _ := ctx.Value(attemptKey{}).(*attempt)
	return a
}

// released notes that the request is served: the next one that waits is routed.
func (a *attempt) released() {
	if a != nil && a.waiter != nil {
		a.waiter.Leave(hold.Released)
	}
}

// hasWaited reports whether the request has waited in a hold.
func (a *attempt) hasWaited() bool { return a != nil && a.waiter != nil }

// isStale reports whether the tenant's row has changed since before the decision, so
// that the request must be routed again. Called once the request is counted as one
// in progress: whoever sees none after a change of the row knows that the previous
// urlconf gets no more.
func (s *generation) isStale(r *http.Request, a *attempt) bool {
	if s.changed() != a.changed { // it is another channel as soon as lookups see the change
		t, ok := tenant.From(r.Context())
		a.stale = ok && s.moved(t)
	}
	return a.stale
}

// rerouted routes requests with next, and again after they have waited or if their
// tenant's row has changed meanwhile.
func (s *generation) rerouted(next http.Handler) http.Handler {
	if !s.placed() {
		return next
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		a := &attempt{}
		r = r.WithContext(context.WithValue(r.Context(), attemptKey{}, a))
		for {
			a.changed, a.held, a.stale = s.changed(), nil, false
			next.ServeHTTP(w, r)
			if a.stale {
				continue
			}
			if a.held == nil {
				a.released() // such as by a redirect
				return
			}
			outcome := hold.Again
			if a.waiter == nil {
				if a.waiter, outcome = a.held.Enter(a.tenant, sizeOf(r)); a.waiter != nil {
					defer a.waiter.Leave(hold.Failed)
				}
			}
			if a.waiter != nil {
				outcome = s.wait(r, a)
			}
			if outcome != hold.Again {
				s.refuseHeld(w, r, outcome)
				return
			}
		}
	})
}

// wait lets the request wait. It does not read the body, so net/http does not notice
// when the client of an HTTP/1 request with a body disconnects.
func (s *generation) wait(r *http.Request, a *attempt) hold.Outcome {
	ctx := r.Context()
	if r.ProtoMajor == 1 && r.Body != nil && r.Body != http.NoBody {
		watched, stop := watchClient(ctx)
		defer stop()
		ctx = watched
	}
	return a.waiter.Wait(ctx, a.changed)
}

func (s *generation) refuseHeld(w http.ResponseWriter, r *http.Request, o hold.Outcome) {
	if o == hold.Stopped || s.base.Err() != nil {
		refuseShutdown(w, r)
		return
	}
	closeUnread(w, r)
	if o == hold.Canceled {
		noteOf(r.Context()).reason = "the client disconnected while the request waited"
		w.WriteHeader(upstream.ClientClosed.Status()) // for the access log
		return
	}
	noteOf(r.Context()).reason = map[hold.Outcome]string{
		hold.TimedOut:     "the request waited for the timeout of the hold",
		hold.OverRequests: "the requests of the hold are too many",
		hold.OverBytes:    "the requests of the hold are too large",
	}[o]
	errorpage.Write(w, r, http.StatusServiceUnavailable)
}

const (
	// overhead is what a waiting request takes besides its head; RATIONALE.md has the
	// measurement.
	overhead = 8 << 10
	// streamWindow is how much of a body an HTTP/2 client may send before the body is
	// read: net/http's default.
	streamWindow = 1 << 20
)

// sizeOf returns how many bytes a waiting request is counted for.
func sizeOf(r *http.Request) int64 {
	size := int64(overhead + len(r.RequestURI) + len(r.Host))
	for name, values := range r.Header {
		for _, v := range values {
			size += int64(len(name) + len(v))
		}
	}
	if r.ProtoMajor > 1 && r.Body != nil && r.Body != http.NoBody {
		if r.ContentLength < 0 {
			return size + streamWindow
		}
		size += min(r.ContentLength, streamWindow)
	}
	return size
}

// placed reports whether rows decide what serves their tenants.
func (s *generation) placed() bool {
	d := s.defaults
	return len(s.rooms) > 0 || d != nil && (d.Status != nil || d.URLConfBy != nil)
}

// changed returns a channel that the next change of the directory closes.
func (s *generation) changed() <-chan struct{} {
	if s.directory == nil {
		return nil
	}
	return s.directory.Changed()
}

// placement returns what the attributes of a tenant choose.
func (s *generation) placement(a tenant.Attributes) tenancy.Placement {
	if s.defaults == nil {
		return tenancy.Placement{}
	}
	return tenancy.Place(s.defaults, a.Get)
}

// passesOn reports whether the tenant's urlconf answers its websocket handshakes,
// although others have routes: they wait in a hold, or get the page of a status.
func (s *generation) passesOn(t *tenant.Tenant, found bool) bool {
	switch s.table.urlconfs[t.URLConf].(type) {
	case room:
		return true
	case reply:
		return !found && t.Dynamic && s.placement(t.Attributes).Status
	}
	return false
}

// moved reports whether the row of the tenant that a request was routed to has
// changed so that another urlconf serves the tenant now, or none.
func (s *generation) moved(t *tenant.Tenant) bool {
	if !t.Dynamic || s.directory == nil {
		return false
	}
	row, ok := s.directory.BySchema(t.Schema)
	if !ok || row.ID != t.ID {
		return true
	}
	return s.placement(tenant.NewAttributes(row.Attributes)).URLConf != s.placement(t.Attributes).URLConf
}

// closeRooms answers the requests that wait, and lets none wait any more.
func (s *generation) closeRooms() {
	for _, r := range s.rooms {
		r.Close()
	}
}
