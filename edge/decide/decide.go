// Package decide tells other servers which tenant a request is for. nginx, Traefik,
// Caddy, Envoy and HAProxy ask it before they pass a request on, and get a status
// and headers:
//
//	decider, err := decide.New(decide.Config{Host: host, Preset: decide.Nginx})
//	if err != nil {
//		return err
//	}
//	return http.ListenAndServe("127.0.0.1:9000", decider)
//
// README.md describes the headers, and testdata has a tested configuration of each
// server.
package decide

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/netip"
	"net/url"
	"slices"

	"github.com/tenantedge/tenantedge/edge"
	"github.com/tenantedge/tenantedge/edge/internal/errorpage"
	"github.com/tenantedge/tenantedge/edge/internal/requestid"
	"github.com/tenantedge/tenantedge/edge/internal/trust"
	"github.com/tenantedge/tenantedge/edge/tenant"
	"github.com/tenantedge/tenantedge/guest/abi"
)

// Config configures a Handler.
type Config struct {
	Host *edge.Host // decides; its TrustedPeers are clients of the server, not the server
	// Preset is for the server that asks, one of Presets.
	Preset string
	// Peers are the networks from which it may ask. Empty: loopback.
	Peers []netip.Prefix
	// Applications are what serves each urlconf, by name. A urlconf without an entry
	// has no Tenantedge-Upstream.
	Applications map[string]Application
	// Fallback is the urlconf of requests without a tenant. Empty: they are refused
	// with 404.
	Fallback string
	// Attributes are the tenant's attributes that the answer has.
	Attributes []string
	// Decided is called before each answer. nil: not called.
	Decided func(*http.Request, *Decision)
	// Logger is nil: slog.Default.
	Logger *slog.Logger
}

// Application is what serves a urlconf.
type Application struct {
	URL   *url.URL
	Inner bool // it gets the path without the tenant's folder
}

// Decision describes an answer, for logs.
type Decision struct {
	Request edge.Incoming // as the server describes it; empty if it cannot be read
	Result  Result
	Status  int            // that the client gets; 200: the server passes the request on
	Tenant  *tenant.Tenant // nil: none
	Reason  string         // why the request is refused; clients must not see it
}

// Handler answers the questions of one server. It is safe for concurrent use.
type Handler struct {
	config     Config
	source     source
	peers      *trust.Rules // only for their Peer
	attributes []attribute
	results    results
}

var loopback = []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8"), netip.MustParsePrefix("::1/128")}

// New returns a Handler.
func New(c Config) (*Handler, error) {
	if c.Host == nil {
		return nil, errors.New("decide: expected a Host, found none")
	}
	from, ok := sources[c.Preset]
	if !ok {
		return nil, fmt.Errorf("decide: expected one of %q as the preset, found %q", Presets(), c.Preset)
	}
	if len(c.Peers) == 0 {
		c.Peers = loopback
	}
	if c.Logger == nil {
		c.Logger = slog.Default()
	}
	h := &Handler{config: c, source: from, peers: trust.New(trust.Config{Peers: c.Peers})}
	for _, name := range c.Attributes {
		a := newAttribute(name)
		if slices.ContainsFunc(h.attributes, func(o attribute) bool { return o.header == a.header }) {
			return nil, fmt.Errorf("decide: expected attributes with different headers, found two with %s", a.header)
		}
		h.attributes = append(h.attributes, a)
	}
	return h, nil
}

// ServeHTTP answers with status 200 and the headers of the decision if the server is
// to pass the request on, and otherwise with the status and the Location that the
// client gets. nginx gets 403 instead, and the status in Tenantedge-Status.
func (h *Handler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if requestid.Of(r.Context()) == "" {
		r = r.WithContext(requestid.With(r.Context(), requestid.New()))
	}
	if !h.peers.Peer(r.RemoteAddr) {
		h.finish(w, r, &Decision{Result: ResultPeer, Status: http.StatusForbidden, Reason: "the peer is not one of those that may ask"})
		return
	}
	in, err := h.source.read(r)
	if err != nil {
		// Only the configuration of the server causes this.
		h.config.Logger.ErrorContext(r.Context(), "the server does not describe a request", "server", h.config.Preset, "peer", r.RemoteAddr, "request", requestid.Of(r.Context()), "error", err)
		h.finish(w, r, &Decision{Result: ResultUnreadable, Status: http.StatusInternalServerError, Reason: err.Error()})
		return
	}
	made := &Decision{Request: in}
	if err := h.decide(r.Context(), w.Header(), made); err != nil {
		e := edge.AsRouteError(err)
		e.RequestID = requestid.Of(r.Context())
		made.Result, made.Status, made.Reason = resultOf(e), e.Status, e.Reason
		h.log(r, e)
		h.finish(w, r, made)
		return
	}
	h.finish(w, r, made)
}

// decide routes made.Request, and writes the headers of an answer that is no error.
func (h *Handler) decide(ctx context.Context, out http.Header, made *Decision) error {
	if reason := malformed(&made.Request); reason != "" {
		return refuse(http.StatusBadRequest, reason)
	}
	q, err := h.config.Host.RequestFrom(ctx, &made.Request)
	if err != nil {
		return err
	}
	if reason := h.forged(&q); reason != "" {
		return refuse(http.StatusBadRequest, reason)
	}
	d, err := h.config.Host.Route(ctx, &q)
	if err != nil {
		return err
	}
	made.Status = http.StatusOK
	switch {
	case d.Outcome == abi.Redirect:
		made.Result, made.Status, made.Reason = ResultRedirect, d.Status, d.Reason
		out.Set("Location", absolute(d.Location, q.Scheme))
		return nil
	case d.Outcome == abi.Tenant:
		made.Result, made.Tenant = ResultTenant, &d.Tenant
	case h.config.Fallback != "" && (d.Outcome == abi.Missing || d.Outcome == abi.None):
		made.Result, made.Reason = ResultFallback, d.Reason
		d = edge.Decision{Outcome: abi.None, Status: http.StatusOK, Tenant: tenant.Tenant{URLConf: h.config.Fallback, Path: d.Tenant.Path}}
	case d.Outcome == abi.None:
		return &edge.RouteError{Status: http.StatusNotFound, Outcome: abi.Missing, Reason: "no router found a tenant"}
	default:
		return &edge.RouteError{Status: d.Status, Outcome: d.Outcome, Reason: d.Reason}
	}
	if err := h.config.Host.CheckHandshake(&q, &d); err != nil {
		return err
	}
	h.describe(out, &q, &d)
	return nil
}

func refuse(status int, reason string) error {
	return &edge.RouteError{Status: status, Outcome: abi.BadRequest, Reason: reason}
}

// finish writes the answer.
func (h *Handler) finish(w http.ResponseWriter, r *http.Request, made *Decision) {
	h.results.add(made.Result)
	if h.config.Decided != nil {
		h.config.Decided(r, made)
	}
	out := w.Header()
	out.Set("Cache-Control", "no-store")
	if made.Status == http.StatusOK {
		h.setStatus(out, made.Status)
		w.WriteHeader(http.StatusOK)
		return
	}
	status := made.Status
	if h.source.only403 && made.Result != ResultPeer && made.Result != ResultUnreadable {
		h.setStatus(out, made.Status)
		if location := out["Location"]; location != nil {
			out[headerLocation] = location
			delete(out, "Location")
		}
		status = http.StatusForbidden
	}
	if made.Result == ResultRedirect && status == made.Status {
		w.WriteHeader(status)
		return
	}
	errorpage.Write(w, r, status)
}

// log logs a refusal as the middleware of the Host does.
func (h *Handler) log(r *http.Request, e *edge.RouteError) {
	level := slog.LevelDebug
	if e.Status >= http.StatusInternalServerError {
		level = slog.LevelError
	}
	line := []slog.Attr{slog.Int("status", e.Status), slog.String("server", h.config.Preset), slog.String("reason", e.Reason), slog.String("request", e.RequestID)}
	if e.Err != nil {
		line = append(line, slog.Any("error", e.Err))
	}
	h.config.Logger.LogAttrs(r.Context(), level, "request refused", line...)
}
