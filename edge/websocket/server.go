package websocket

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/tenantedge/tenantedge/edge/channel"
	"github.com/tenantedge/tenantedge/edge/internal/consumer"
	"github.com/tenantedge/tenantedge/edge/internal/guests"
	"github.com/tenantedge/tenantedge/edge/internal/sockets"
	"github.com/tenantedge/tenantedge/edge/stats"
	"github.com/tenantedge/tenantedge/edge/tenant"
	"github.com/tenantedge/tenantedge/edge/trace"
	"github.com/tenantedge/tenantedge/edge/upstream"
)

// Edge is what a Server uses of the edge.Host that makes it.
type Edge struct {
	Host    upstream.Host
	Tenants *guests.Tenants
	Origins *Origins
	Layer   channel.Layer // nil: one in memory, which Server.Close closes
	Tracer  trace.Tracer  // nil: handshakes are not traced
	Logger  *slog.Logger

	Guest *consumer.Set // the websockets that the guest handles

	// Reject answers a handshake with a status; cause, which may be nil, is for the
	// log.
	Reject func(w http.ResponseWriter, r *http.Request, rejection *Rejection, cause error)
	// Fail answers a handshake at which the guest failed.
	Fail func(http.ResponseWriter, *http.Request, error)
}

// Server serves the websockets of an edge.Host, which makes it and answers all
// handshakes with it.
type Server struct {
	edge     Edge
	config   *Config
	hub      *sockets.Hub
	layer    channel.Layer
	ownLayer bool // Close closes the layer
	limits   sockets.Limits
	dialer   sockets.Dialer

	unrouted    atomic.Uint64 // handshakes without a route
	interrupted atomic.Uint64 // closed because the layer broke
	removed     atomic.Uint64 // closed because their tenant was removed
	moved       atomic.Uint64 // closed because their tenant has another route table

	mu     sync.Mutex
	routes map[routeKey]*route // with at least one websocket
	tables map[string]string   // the route tables of tenants with relayed websockets, by guests.Key

	stop    context.CancelFunc
	stopped chan struct{}
}

type routeKey struct{ schema, name string }

// NewServer returns a Server. The configuration was checked by Config.Check.
func NewServer(edge Edge, c *Config) (*Server, error) {
	l := c.Limits
	l.SetDefaults()
	hub, err := sockets.New(sockets.Config{
		MaxFrame: l.Message, MaxMessage: l.Message, MaxInflated: l.Inflated, MaxQueue: l.Queue, Compression: compressions[c.Compression],
		PingInterval: l.PingInterval, PongTimeout: l.PongTimeout, IdleTimeout: l.IdleTimeout,
		HandshakeTimeout: l.HandshakeTimeout, WriteTimeout: l.WriteTimeout, CloseTimeout: l.CloseTimeout,
		NoPoll: c.NoPoll, Elsewhere: c.Elsewhere, Log: edge.Logger,
	})
	if err != nil {
		return nil, err
	}
	s := &Server{
		edge: edge, config: c, hub: hub, layer: edge.Layer,
		limits: sockets.Limits{Connections: l.Connections, Descriptors: l.Descriptors, Messages: l.Messages, Burst: l.Burst, Queued: l.Queued},
		dialer: sockets.Dialer{
			Timeout: l.DialTimeout, HandshakeTimeout: l.HandshakeTimeout,
			HeaderBytes: l.AnswerHeaderBytes, HeaderFields: l.AnswerHeaders,
		},
		routes:  map[routeKey]*route{},
		tables:  map[string]string{},
		stopped: make(chan struct{}),
	}
	if s.layer == nil {
		memory, err := channel.NewMemory(channel.Config{Logger: edge.Logger})
		if err != nil {
			return nil, err
		}
		s.layer, s.ownLayer = memory, true
	}
	ctx, cancel := context.WithCancel(context.Background())
	s.stop = cancel
	go s.follow(ctx, edge.Tenants.Directory.Changed())
	return s, nil
}

// Routed is the guest's decision about a handshake.
type Routed struct {
	Tenant *tenant.Tenant // nil: none
	Route  string         // name of the websocket route that matched
	Kwargs string         // its values as a JSON object; empty: none
	Found  bool           // a route matched
}

// Serve answers a handshake. The context of r has the tenant.
func (s *Server) Serve(w http.ResponseWriter, r *http.Request, d Routed) {
	if s.config.Routed != nil {
		s.config.Routed(r)
	}
	if d.Tenant == nil || !d.Found {
		s.unrouted.Add(1)
		s.reject(w, r, http.StatusNotFound, "no websocket route matches", nil)
		return
	}
	t := d.Tenant
	target, ok := s.config.Targets[t.WSURLConf][d.Route]
	if !ok {
		// Config.Check has checked the configured routes, so the guest made up the name.
		s.unrouted.Add(1)
		s.reject(w, r, http.StatusBadGateway, "the guest named a websocket route that is not configured",
			fmt.Errorf("route %q of %q", d.Route, t.WSURLConf))
		return
	}
	handshake, err := s.hub.Admit(w, r, sockets.Options{
		Tenant: guests.Key(t), Limits: s.limits, Relays: target.Upstream != nil,
		AllowOrigin:   func(origin sockets.Origin) bool { return s.edge.Origins.allows(origin, r, t, target.Origins) },
		AllowNoOrigin: s.config.WithoutOrigin, Meter: s.meterOf(t),
		OnReject: func(w http.ResponseWriter, rejection *sockets.Rejection) {
			s.reject(w, r, rejection.Status, rejection.Reason, nil)
		},
	})
	if err != nil {
		return // answered
	}
	// From here on follow sees the websocket.
	if !s.edge.Tenants.Has(guests.Key(t)) {
		handshake.Reject()
		s.reject(w, r, http.StatusNotFound, "the tenant was removed", nil)
		return
	}
	if target.Upstream != nil && !s.inPlace(t) {
		handshake.Reject()
		s.reject(w, r, http.StatusServiceUnavailable, "the tenant has just moved", nil)
		return
	}
	switch {
	case target.Upstream != nil:
		s.relay(w, r, handshake, &target)
	case target.Consumer:
		s.consume(w, r, handshake, &d)
	default:
		s.handle(w, r, handshake, &d, s.config.Handlers[target.Handler])
	}
}

func (s *Server) reject(w http.ResponseWriter, r *http.Request, status int, reason string, cause error) {
	s.edge.Reject(w, r, &Rejection{Status: status, Reason: reason}, cause)
}

// meterOf returns sockets.Options.Meter for a tenant.
func (s *Server) meterOf(t *tenant.Tenant) func() stats.Meter {
	if s.config.Meter == nil {
		return nil
	}
	return func() stats.Meter { return s.config.Meter(t) }
}

// accept calls Config.Accepted.
func (s *Server) accept(r *http.Request, answer http.Header) {
	if s.config.Accepted != nil {
		s.config.Accepted(r, answer)
	}
}

// consume opens a websocket that the guest handles.
func (s *Server) consume(w http.ResponseWriter, r *http.Request, h *sockets.Handshake, d *Routed) {
	scope, err := s.layer.For(d.Tenant.Schema)
	if err != nil {
		h.Reject()
		s.reject(w, r, http.StatusInternalServerError, "the channel layer rejected the tenant", err)
		return
	}
	c, rejection, err := s.edge.Guest.Open(r.Context(), consumer.Request{
		Tenant: d.Tenant, Route: d.Route, Kwargs: d.Kwargs, Protocols: h.Protocols(), Header: r.Header, Scope: scope,
	})
	switch {
	case err != nil:
		h.Reject()
		s.edge.Fail(w, r, err)
	case rejection != nil:
		h.Reject()
		s.reject(w, r, rejection.Status, rejection.Reason, nil)
	default:
		header := http.Header{}
		s.accept(r, header)
		if _, err := h.Accept(c, protocols(c.Protocol()), header); err != nil {
			c.Abandon()
		}
	}
}

// protocols returns a list of one subprotocol, or of none.
func protocols(protocol string) []string {
	if protocol == "" {
		return nil
	}
	return []string{protocol}
}

// handle opens a websocket that a Handler handles.
func (s *Server) handle(w http.ResponseWriter, r *http.Request, h *sockets.Handshake, d *Routed, handler Handler) {
	route, err := s.acquire(d.Tenant, d.Route)
	if err != nil {
		h.Reject()
		s.reject(w, r, http.StatusInternalServerError, "the channel layer rejected the tenant", err)
		return
	}
	q := &Request{Request: r, Tenant: d.Tenant, Route: d.Route, Kwargs: d.Kwargs, Protocols: h.Protocols(), ResponseHeader: http.Header{}}
	c, err := connect(handler, q)
	if err == nil && q.Protocol != "" && !slices.Contains(q.Protocols, q.Protocol) {
		err = fmt.Errorf("the handler chose the subprotocol %q, which the client does not offer", q.Protocol)
	}
	if err != nil {
		s.release(route)
		h.Reject()
		if rejection, ok := errors.AsType[*Rejection](err); ok {
			s.edge.Reject(w, r, rejection, nil)
		} else {
			s.reject(w, r, http.StatusInternalServerError, "the websocket handler failed", err)
		}
		return
	}
	s.accept(r, q.ResponseHeader)
	if _, err := h.Accept((*events)(&Conn{consumer: c, route: route}), protocols(q.Protocol), q.ResponseHeader); err != nil {
		s.release(route) // the client has disconnected; the consumer gets no event
	}
}

// connect calls a handler. It returns a panic as an error, since the handshake is
// counted and must be uncounted.
func connect(handler Handler, q *Request) (c Consumer, err error) {
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

// acquire returns the route of a new websocket and counts the websocket. The first
// one creates the route.
func (s *Server) acquire(t *tenant.Tenant, name string) (*route, error) {
	key := routeKey{t.Schema, name}
	s.mu.Lock()
	defer s.mu.Unlock()
	r := s.routes[key]
	if r == nil {
		scope, err := s.layer.For(t.Schema)
		if err != nil {
			return nil, err
		}
		r = &route{server: s, schema: t.Schema, name: name, scope: scope}
		s.routes[key] = r
	}
	r.count++
	return r, nil
}

// release uncounts a websocket. The last one deletes the route.
func (s *Server) release(r *route) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if r.count--; r.count == 0 {
		delete(s.routes, routeKey{r.schema, r.name})
	}
}

// Channels returns a tenant's part of the channel layer.
func (s *Server) Channels(schema string) (channel.Scope, error) { return s.layer.For(schema) }

// Shutdown rejects new websockets with 503, closes all open ones with 1001, and
// waits until their consumers have handled that. When ctx ends, it drops them.
func (s *Server) Shutdown(ctx context.Context) error {
	return errors.Join(s.hub.Shutdown(ctx), s.edge.Guest.Drain(ctx))
}

// Restart closes all open websockets with 1012, after which clients connect again. It
// does not wait.
func (s *Server) Restart() {
	for _, tenant := range s.hub.Tenants() {
		_, _ = s.hub.CloseTenant(tenant, sockets.CodeRestart, "") // the code is valid
	}
}

// Close drops all websockets.
func (s *Server) Close() error {
	ctx, cancel := context.WithTimeout(context.Background(), time.Second)
	defer cancel()
	canceled, cancelNow := context.WithCancel(ctx)
	cancelNow()
	_ = s.hub.Shutdown(canceled) // the error reports that it drops them
	_ = s.edge.Guest.Drain(ctx)
	s.stop()
	<-s.stopped
	if s.ownLayer {
		return s.layer.Close()
	}
	return nil
}
