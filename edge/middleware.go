package edge

import (
	"errors"
	"log/slog"
	"net/http"
	"net/url"
	"strings"

	"github.com/tenantedge/tenantedge/edge/internal/logs"
	"github.com/tenantedge/tenantedge/edge/internal/requestid"
	"github.com/tenantedge/tenantedge/edge/internal/trust"
	"github.com/tenantedge/tenantedge/edge/stats"
	"github.com/tenantedge/tenantedge/edge/tenant"
	"github.com/tenantedge/tenantedge/guest/abi"
)

// Middleware routes every request and calls next for those that have a tenant or
// need none. next gets the tenant in the request's context (tenant.From), the path
// without the tenant's folder in r.URL, the headers that the guest sets, and of the
// client's headers those that it may send: no tenant and forwarding headers of
// untrusted peers, and none that only the guest may set. Middleware itself responds
// with redirects and refusals. It serves websockets if Config.Websockets has
// targets; without targets, or with PassOn or Deferred, it passes handshakes on to
// next, except those of a foreign origin. No guest instance is in use while next runs.
func (h *Host) Middleware(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		in := trust.RequestOf(r)
		q, err := h.requestOf(r.Context(), &in)
		r = in.Apply(r)
		if err != nil {
			h.refuse(w, r, AsRouteError(err).in(r.Context()))
			return
		}
		carried := &routedContext{Context: r.Context()}
		var d Decision
		if err := h.route(carried, &q, &d); err != nil {
			h.refuse(w, r, AsRouteError(err).in(carried))
			return
		}
		switch d.Outcome {
		case abi.Tenant, abi.None:
			if d.Outcome == abi.Tenant {
				carried.tenant, carried.headers = d.Tenant, d.Headers
				h.tellRouted(carried)
			}
			passes := q.Websocket && h.passesOn(carried.of(), d.WSFound)
			if passes || q.Websocket && h.config.Websockets.Deferred {
				if e := h.checkPassing(w, r, &carried.tenant, d.WSRoute); e != nil {
					h.refuse(w, r, e.in(carried))
					return
				}
			}
			h.results.add(stats.Result(d.Outcome.String()))
			out := h.routed(r, &q, carried)
			switch {
			case !q.Websocket || passes:
				next.ServeHTTP(w, out)
			case h.config.Websockets.Deferred:
				next.ServeHTTP(w, out.WithContext(&deferred{carried, handshakeOf(carried.of(), &d)}))
			default:
				h.websockets.Serve(w, out, handshakeOf(carried.of(), &d))
			}
		case abi.Redirect:
			carried.tenant = d.Tenant
			h.tellRouted(carried)
			h.results.add(stats.ResultRedirect)
			w.Header().Set("Location", h.location(r, &q, d.Location))
			w.WriteHeader(d.Status)
		default:
			h.refuseUnrouted(w, r, &q, &d, carried)
		}
	})
}

// tellRouted calls Config.Routed if the tenant is known.
func (h *Host) tellRouted(c *routedContext) {
	if h.config.Routed != nil && c.tenant.Schema != "" {
		h.config.Routed(c, &c.tenant)
	}
}

// passesOn reports whether the handshake of a tenant, nil for none, goes to next.
func (h *Host) passesOn(t *tenant.Tenant, found bool) bool {
	passOn := h.config.Websockets.PassOn
	return h.websockets == nil || passOn != nil && t != nil && passOn(t, found)
}

// refuseUnrouted responds to a request that has no tenant. Config.Refused may pass
// the request to another application, so it gets the headers that next would get,
// and another error for a websocket handshake that next would not get.
func (h *Host) refuseUnrouted(w http.ResponseWriter, r *http.Request, q *Request, d *Decision, carried *routedContext) {
	e := refused(d)
	if q.Websocket {
		if h.websockets != nil {
			e.Outcome, e.Reason = 0, "no websocket route matches: "+e.Reason
		} else {
			t := d.Tenant // so that d does not escape to the heap
			if bad := h.checkPassing(w, r, &t, d.WSRoute); bad != nil {
				e = bad
			}
		}
	}
	out := r.WithContext(r.Context())
	out.Header = h.ApplicationHeader(q)
	h.refuse(w, out, e.in(carried))
}

func (h *Host) refuse(w http.ResponseWriter, r *http.Request, e *RouteError) {
	h.results.add(resultOf(e))
	h.answer(w, r, e)
}

// answer logs a refused request and calls Config.Refused. The error has a RequestID.
func (h *Host) answer(w http.ResponseWriter, r *http.Request, e *RouteError) {
	level := slog.LevelDebug
	if e.Status >= http.StatusInternalServerError {
		level = slog.LevelError
	}
	if h.config.Logger.Enabled(r.Context(), level) {
		line := []slog.Attr{
			slog.Int("status", e.Status), logs.Text("host", r.Host), logs.Text("path", r.URL.Path),
			slog.String("reason", e.Reason), slog.String("request", e.RequestID),
		}
		if e.Err != nil {
			line = append(line, slog.Any("error", e.Err))
		}
		var guest *GuestError
		if errors.As(e.Err, &guest) {
			line = append(line, slog.String("guest", guest.Guest), slog.String("export", guest.Export),
				slog.String("trap", string(guest.Trap)), slog.Uint64("fuel", guest.Fuel))
		}
		h.config.Logger.LogAttrs(r.Context(), level, "request refused", line...)
	}
	if requestid.Of(r.Context()) == "" {
		r = r.WithContext(requestid.With(r.Context(), e.RequestID))
	}
	h.config.Refused(w, r, e)
}

// routed returns the request for next: a copy, since r must not be changed.
func (h *Host) routed(r *http.Request, q *Request, c *routedContext) *http.Request {
	out := r.WithContext(c)
	out.Header = h.routedHeader(q, c.headers)
	h.trust.CleanTrailer(out, q.TrustedPeer)
	if t := c.of(); t != nil && t.Path != r.URL.Path {
		out.URL = innerURL(r.URL, t)
	}
	return out
}

// innerURL returns u without the tenant's folder in its path. The rest of the path
// keeps the client's encoding.
func innerURL(u *url.URL, t *tenant.Tenant) *url.URL {
	inner := *u
	inner.Path, inner.RawPath = t.Path, ""
	if u.RawPath == "" {
		return &inner
	}
	// The first segment is the folder.
	if i := strings.IndexByte(strings.TrimPrefix(u.RawPath, "/"), '/'); i >= 0 {
		raw := u.RawPath[i+1:]
		if path, err := url.PathUnescape(raw); err == nil && path == t.Path {
			inner.RawPath = raw
		}
	}
	return &inner
}
