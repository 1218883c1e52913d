package edge

import (
	"context"
	"fmt"
	"net/http"

	"github.com/tenantedge/tenantedge/edge/channel"
	"github.com/tenantedge/tenantedge/edge/internal/consumer"
	"github.com/tenantedge/tenantedge/edge/internal/guests"
	"github.com/tenantedge/tenantedge/edge/tenant"
	"github.com/tenantedge/tenantedge/edge/websocket"
	"github.com/tenantedge/tenantedge/guest/abi"
)

// newWebsockets returns the server of the Host's websockets.
func (h *Host) newWebsockets() (*websocket.Server, error) {
	c := &h.config.Websockets
	for table, routes := range c.Targets {
		for route, target := range routes {
			if target.Consumer && !h.guests.Current().Configured().Consumer {
				return nil, fmt.Errorf("the route %q of %q is for the guest: expected a guest that handles websockets, found %s, which does not handle them", route, table, h.Stats().Guest.Name)
			}
		}
	}
	return websocket.NewServer(websocket.Edge{
		Host: h, Tenants: h.tenants, Origins: h.origins(), Layer: h.config.Channels, Tracer: h.config.Tracer, Logger: h.config.Logger,
		Guest:  h.consumers,
		Reject: h.rejectWebsocket,
		Fail: func(w http.ResponseWriter, r *http.Request, err error) {
			h.answer(w, r, AsRouteError(public(err)).in(r.Context()))
		},
	}, c)
}

// origins returns the rules for which pages may open websockets.
func (h *Host) origins() *websocket.Origins {
	return &websocket.Origins{Config: &h.config.Websockets, Tenants: h.tenants, WithoutWWW: h.config.GuestConfig.Compat == abi.Strict}
}

// rejectWebsocket answers a handshake with a status, as other requests are refused.
func (h *Host) rejectWebsocket(w http.ResponseWriter, r *http.Request, rejection *websocket.Rejection, cause error) {
	e := &RouteError{Status: rejection.Status, Reason: rejection.Reason, Err: cause}
	h.answer(w, r, e.in(r.Context()))
}

// deferred is the context of a handshake that Middleware passes on because of
// websocket.Config.Deferred.
type deferred struct {
	*routedContext
	routed websocket.Routed
}

type deferredKey struct{}

func (c *deferred) Value(key any) any {
	if key == (deferredKey{}) {
		return c
	}
	return c.routedContext.Value(key)
}

func handshakeOf(t *tenant.Tenant, d *Decision) websocket.Routed {
	return websocket.Routed{Tenant: t, Route: d.WSRoute, Kwargs: d.WSKwargs, Found: d.WSFound}
}

// ServeWebsocket serves a handshake that Middleware passed on because of
// websocket.Config.Deferred. It reports false for any other request, which it does
// not answer.
func (h *Host) ServeWebsocket(w http.ResponseWriter, r *http.Request) bool {
	c, ok := r.Context().Value(deferredKey{}).(*deferred)
	if ok {
		h.websockets.Serve(w, r, c.routed)
	}
	return ok
}

// checkPassing rejects a handshake that must not pass on to next. route is the
// websocket route that matched; empty: none.
func (h *Host) checkPassing(w http.ResponseWriter, r *http.Request, t *tenant.Tenant, route string) *RouteError {
	rejection := h.checkOrigin(w.Header(), r, t, route)
	if rejection == nil {
		return nil
	}
	return &RouteError{Status: rejection.Status, Reason: rejection.Reason}
}

// checkOrigin checks a handshake and its origin. route is the websocket route that
// matched.
func (h *Host) checkOrigin(answer http.Header, r *http.Request, t *tenant.Tenant, route string) *websocket.Rejection {
	return h.origins().Check(answer, r, t, h.config.Websockets.Targets[t.WSURLConf][route].Origins)
}

// CheckHandshake returns a *RouteError for a websocket handshake that must not be
// passed on to the application of d: an invalid one, or one from a page of another
// site. It returns nil for all other requests. It is for servers that are not
// net/http; Middleware checks handshakes itself.
func (h *Host) CheckHandshake(q *Request, d *Decision) error {
	if !q.Websocket {
		return nil
	}
	r := &http.Request{Method: q.Method, Host: q.Host, Header: q.Header, Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1}
	if rejection := h.checkOrigin(http.Header{}, r, &d.Tenant, d.WSRoute); rejection != nil {
		return &RouteError{Status: rejection.Status, Reason: rejection.Reason}
	}
	return nil
}

// HasTenant reports whether the tenant of a routed request still exists. For a row of
// the directory, that is the row with the tenant's id.
func (h *Host) HasTenant(t *tenant.Tenant) bool { return h.tenants.Has(guests.Key(t)) }

// Channels returns a tenant's part of the channel layer, for messages to its groups
// from outside of any websocket. The error is ErrUnknownTenant if no tenant has the
// schema.
func (h *Host) Channels(schema string) (channel.Scope, error) {
	if h.websockets == nil {
		return nil, fmt.Errorf("edge: Channels: expected Config.Websockets with targets, found none")
	}
	if !h.tenants.Exists(schema) {
		return nil, fmt.Errorf("%w: %q", ErrUnknownTenant, schema)
	}
	return h.websockets.Channels(schema)
}

// WebsocketStats returns the counters of the websockets.
func (h *Host) WebsocketStats() websocket.Stats {
	if h.websockets == nil {
		return websocket.Stats{}
	}
	return h.websockets.Stats()
}

// OpenWebsockets returns how many clients' websockets are open, and how many of them
// are relayed to applications. It takes no lock.
func (h *Host) OpenWebsockets() (open, relayed int) {
	if h.websockets == nil {
		return 0, 0
	}
	return h.websockets.Count()
}

// TenantWebsockets returns how many websockets of a tenant are open, and how many
// descriptors they take. It is for websocket.Config.Elsewhere, which passes the key.
func (h *Host) TenantWebsockets(key string) (open, descriptors int) {
	if h.websockets == nil {
		return 0, 0
	}
	return h.websockets.CountTenant(key)
}

// RestartWebsockets closes all open websockets with 1012, service restart, after which
// clients connect again. It does not wait, and new ones are accepted.
func (h *Host) RestartWebsockets() {
	if h.websockets != nil {
		h.websockets.Restart()
	}
}

// CloseRemovedWebsockets closes the websockets of tenants that another Host does not
// have, with 1008, as those of tenants that are removed from the directory. It is for
// servers that replace a Host by one with other tenants. It does not wait.
func (h *Host) CloseRemovedWebsockets(other *Host) {
	if h.websockets != nil {
		h.websockets.CloseRemoved(other.tenants)
	}
}

// RelayedWebsockets returns how many websockets of a tenant are relayed to
// applications; id is that of its row, empty for a static tenant.
func (h *Host) RelayedWebsockets(schema, id string) int {
	if h.websockets == nil {
		return 0
	}
	return h.websockets.Relayed(guests.Key(&tenant.Tenant{Schema: schema, ID: id, Dynamic: id != ""}))
}

// BusiestWebsockets returns the n tenants with the most open websockets.
func (h *Host) BusiestWebsockets(n int) []websocket.Busy {
	if h.websockets == nil {
		return nil
	}
	return h.websockets.Busiest(n)
}

// TryEvent makes the guest handle an event of a websocket that does not exist, and
// returns its effects instead of carrying them out. It is for the tests of guests
// that package edge/internal/cases runs.
func (h *Host) TryEvent(ctx context.Context, t *consumer.Trial) (consumer.Reply, error) {
	r, err := h.consumers.Try(ctx, t)
	return r, public(err)
}

// Shutdown rejects new websockets with 503, closes all open ones with 1001, and
// waits until their handlers and consumers have handled that. When ctx ends, it
// drops them. The Host still routes requests: call Close after the HTTP server has
// shut down.
func (h *Host) Shutdown(ctx context.Context) error {
	if h.websockets == nil {
		return nil
	}
	return h.websockets.Shutdown(ctx)
}
