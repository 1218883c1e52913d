package edge

import (
	"cmp"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/tenantedge/tenantedge/edge/channel"
	"github.com/tenantedge/tenantedge/edge/internal/consumer"
	"github.com/tenantedge/tenantedge/edge/internal/guests"
	"github.com/tenantedge/tenantedge/edge/internal/sockets"
	"github.com/tenantedge/tenantedge/edge/tenant"
	"github.com/tenantedge/tenantedge/guest/abi"
)

// websockets serve a Host's websockets.
type websockets struct {
	host   *Host
	config *WebsocketConfig
	hub    *sockets.Hub
	layer  channel.Layer
	own    bool // the layer is the Host's own
	limits sockets.Limits
	dialer sockets.Dialer

	unrouted    atomic.Uint64 // refused before the hub saw them
	interrupted atomic.Uint64 // closed since the layer broke
	removed     atomic.Uint64 // closed since their tenant was removed

	mu     sync.Mutex
	places map[socketPlaceKey]*socketPlace

	stop    context.CancelFunc
	stopped chan struct{}
}

func (h *Host) newWebsockets() (*websockets, error) {
	c := &h.config.Websockets
	l := c.Limits
	for table, routes := range c.Targets {
		for route, target := range routes {
			if target.Consumer && !h.guests.Current().Configured().Consumer {
				return nil, fmt.Errorf("the route %q of %q is for the guest: expected a guest that handles websockets, found %s, which does not", route, table, h.Guest().Name)
			}
		}
	}
	hub, err := sockets.New(sockets.Config{
		MaxFrame: l.Message, MaxMessage: l.Message, MaxInflated: l.Inflated, MaxQueue: l.Queue, Compression: compressions[c.Compression],
		PingInterval: l.PingInterval, PongTimeout: l.PongTimeout, IdleTimeout: l.IdleTimeout,
		HandshakeTimeout: l.HandshakeTimeout, WriteTimeout: l.WriteTimeout, CloseTimeout: l.CloseTimeout,
		NoPoll: c.NoPoll, Log: h.config.Logger,
	})
	if err != nil {
		return nil, err
	}
	w := &websockets{
		host: h, config: c, hub: hub, layer: h.config.Channels,
		limits: sockets.Limits{Connections: l.Connections, Descriptors: l.Descriptors, Messages: l.Messages, Burst: l.Burst, Queued: l.Queued},
		dialer: sockets.Dialer{
			Timeout: cmp.Or(l.DialTimeout, 5*time.Second), HandshakeTimeout: cmp.Or(l.HandshakeTimeout, 10*time.Second),
			HeaderBytes: l.AnswerHeaderBytes, HeaderFields: l.AnswerHeaders,
		},
		places:  map[socketPlaceKey]*socketPlace{},
		stopped: make(chan struct{}),
	}
	if w.layer == nil {
		memory, err := channel.NewMemory(channel.Config{Logger: h.config.Logger})
		if err != nil {
			return nil, err
		}
		w.layer, w.own = memory, true
	}
	ctx, cancel := context.WithCancel(context.Background())
	w.stop = cancel
	go w.follow(ctx, h.config.Directory.Stats().Generation)
	return w, nil
}

// serve answers a handshake that was routed: the decision is in its context.
func (w *websockets) serve(rw http.ResponseWriter, r *http.Request) {
	routed, _ := r.Context().Value(routedKey{}).(*routedContext)
	d := &routed.decision
	t := &d.Tenant
	if w.config.Routed != nil {
		w.config.Routed(r)
	}
	if d.Outcome != abi.Tenant || !d.WSFound {
		w.unrouted.Add(1)
		w.refuse(rw, r, http.StatusNotFound, "no websocket route matches", nil)
		return
	}
	target, ok := w.config.Targets[t.WSURLConf][d.WSRoute]
	if !ok {
		// The configuration was checked, so it was the guest that came up with the name.
		w.unrouted.Add(1)
		w.refuse(rw, r, http.StatusBadGateway, "the guest named a websocket route that is not configured",
			fmt.Errorf("route %q of %q", d.WSRoute, t.WSURLConf))
		return
	}
	s, err := w.hub.Admit(rw, r, sockets.Options{
		Tenant: guests.Key(t), Limits: w.limits, Relays: target.Upstream != nil,
		AllowOrigin:   func(origin sockets.Origin) bool { return w.host.allowsOrigin(origin, r, t, target.Origins) },
		AllowNoOrigin: w.config.WithoutOrigin,
		OnReject: func(rw http.ResponseWriter, refusal *sockets.Rejection) {
			w.refuse(rw, r, refusal.Status, refusal.Reason, nil)
		},
	})
	if err != nil {
		return // answered
	}
	// From here on the socket is on the list that follow looks at.
	if !w.host.Knows(t) {
		s.Reject()
		w.refuse(rw, r, http.StatusNotFound, "the tenant was removed", nil)
		return
	}
	switch {
	case target.Upstream != nil:
		w.relay(rw, r, s, &target)
	case target.Consumer:
		w.consume(rw, r, s, d)
	default:
		w.handle(rw, r, s, d, w.config.Handlers[target.Handler])
	}
}

// refuse answers a handshake with a status, as other requests are refused.
func (w *websockets) refuse(rw http.ResponseWriter, r *http.Request, status int, reason string, err error) {
	e := &RouteError{Status: status, Reason: reason, Err: err}
	if status >= http.StatusInternalServerError && status != http.StatusServiceUnavailable {
		e.RequestID = rand.Text()
	}
	w.host.answer(rw, r, e.in(r.Context()))
}

// consume has the guest handle the socket.
func (w *websockets) consume(rw http.ResponseWriter, r *http.Request, s *sockets.Handshake, d *Decision) {
	t := &d.Tenant
	scope, err := w.layer.For(t.Schema)
	if err != nil {
		s.Reject()
		w.refuse(rw, r, http.StatusInternalServerError, "the channel layer does not take the tenant", err)
		return
	}
	c, refused, err := w.host.consumers.Open(r.Context(), consumer.Request{
		Tenant: t, Route: d.WSRoute, Kwargs: d.WSKwargs, Protocols: s.Protocols(), Header: r.Header, Scope: scope,
	})
	switch {
	case err != nil:
		s.Reject()
		w.host.answer(rw, r, failure(public(err)).in(r.Context()))
	case refused != nil:
		s.Reject()
		w.refuse(rw, r, refused.Status, refused.Reason, nil)
	default:
		if _, err := s.Accept(c, one(c.Protocol()), nil); err != nil {
			c.Abandon()
		}
	}
}

// one is a list of a protocol, or of none.
func one(protocol string) []string {
	if protocol == "" {
		return nil
	}
	return []string{protocol}
}

// handle has a handler in Go handle the socket.
func (w *websockets) handle(rw http.ResponseWriter, r *http.Request, s *sockets.Handshake, d *Decision, handler WebsocketHandler) {
	place, err := w.enter(&d.Tenant, d.WSRoute)
	if err != nil {
		s.Reject()
		w.refuse(rw, r, http.StatusInternalServerError, "the channel layer does not take the tenant", err)
		return
	}
	q := &WebsocketRequest{Request: r, Tenant: &d.Tenant, Route: d.WSRoute, Kwargs: d.WSKwargs, Protocols: s.Protocols(), Header: http.Header{}}
	consumer, err := connect(handler, q)
	if err == nil && q.Protocol != "" && !slices.Contains(q.Protocols, q.Protocol) {
		err = fmt.Errorf("the handler chose the subprotocol %q, which the client does not offer", q.Protocol)
	}
	var refused *Refused
	switch {
	case errors.As(err, &refused):
		w.leave(place)
		s.Reject()
		w.refuse(rw, r, refused.Status, refused.Reason, nil)
	case err != nil:
		w.leave(place)
		s.Reject()
		w.refuse(rw, r, http.StatusInternalServerError, "the websocket's handler failed", err)
	default:
		if _, err := s.Accept((*socketEvents)(&Websocket{consumer: consumer, place: place}), one(q.Protocol), q.Header); err != nil {
			w.leave(place) // the client is gone: no consumer has heard of it yet, nor will
		}
	}
}

// connect asks a handler, whose panic is its error: the handshake is counted,
// and must be ended.
func connect(handler WebsocketHandler, q *WebsocketRequest) (c WebsocketConsumer, err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("panic: %v", p)
		}
	}()
	c, err = handler.Connect(q)
	if c == nil && err == nil {
		err = errors.New("Connect returned neither a consumer nor an error")
	}
	return c, err
}

// enter counts one more socket in its place, which is made for the first.
func (w *websockets) enter(t *tenant.Tenant, route string) (*socketPlace, error) {
	key := socketPlaceKey{schema: t.Schema, route: route}
	w.mu.Lock()
	defer w.mu.Unlock()
	p := w.places[key]
	if p == nil {
		scope, err := w.layer.For(t.Schema)
		if err != nil {
			return nil, err
		}
		p = &socketPlace{sockets: w, schema: t.Schema, route: route, scope: scope}
		w.places[key] = p
	}
	p.count++
	return p, nil
}

// leave counts one less; the place goes with its last.
func (w *websockets) leave(p *socketPlace) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if p.count--; p.count == 0 {
		delete(w.places, socketPlaceKey{schema: p.schema, route: p.route})
	}
}

// Knows reports whether a tenant that a request was routed to is still there: the
// same one, not another of the same schema.
func (h *Host) Knows(t *tenant.Tenant) bool { return h.tenants.Has(guests.Key(t)) }

// lookAgain is how often the directory is looked at for tenants that are gone;
// W4 allows five times as much.
const lookAgain = time.Second

// follow closes the sockets of tenants that are removed from the directory.
func (w *websockets) follow(ctx context.Context, seen uint64) {
	defer close(w.stopped)
	tick := time.NewTicker(lookAgain)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		now := w.host.config.Directory.Stats().Generation
		if now == seen {
			continue
		}
		seen = now
		for _, key := range w.hub.Tenants() {
			if w.host.tenants.Has(key) {
				continue
			}
			n, _ := w.hub.CloseTenant(key, sockets.CodePolicy, "") // the code is one that can be sent
			w.removed.Add(uint64(n))
			w.host.config.Logger.Info("websockets of a tenant that was removed are closed", "tenant", key, "sockets", n)
		}
	}
}

// ShutdownWebsockets refuses new websockets with 503, closes all that are open
// with 1001, and waits until they are gone, and have been heard of by who
// handles them. When the context ends they are dropped.
func (h *Host) ShutdownWebsockets(ctx context.Context) error {
	if h.websockets == nil {
		return nil
	}
	return errors.Join(h.websockets.hub.Shutdown(ctx), h.consumers.Drain(ctx))
}

// close drops what is open.
func (w *websockets) close() error {
	ctx, cancel := context.WithTimeout(context.Background(), time.Second)
	defer cancel()
	now, done := context.WithCancel(ctx)
	done()
	_ = w.hub.Shutdown(now) // dropping is what is meant
	_ = w.host.consumers.Drain(ctx)
	w.stop()
	<-w.stopped
	if w.own {
		return w.layer.Close()
	}
	return nil
}
