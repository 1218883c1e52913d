package edge

import (
	"context"
	"fmt"
	"net/http"
	"slices"

	"github.com/tenantedge/tenantedge/edge/trace"
	"github.com/tenantedge/tenantedge/guest/abi"
)

// readSession sets q.Session, and removes from q.Header what could name another
// session. A request whose session cannot be read is routed as one without a
// session, and what names the session is removed from its headers: the application
// must not use a session that the edge has not read.
func (h *Host) readSession(ctx context.Context, q *Request) error {
	if cleaner, ok := h.config.Sessions.(SessionCleaner); ok {
		q.Header = cleaner.CleanSession(q.Header)
	}
	spanned, span := trace.Start(h.config.Tracer, ctx, "session")
	session, err := h.config.Sessions.Session(spanned, q.Header)
	if span != nil {
		span.End(err)
	}
	if err == nil {
		q.Session = string(session[h.config.GuestConfig.TenantSessionKey])
		return nil
	}
	if ctx.Err() != nil {
		return ctx.Err()
	}
	remover, ok := h.config.Sessions.(SessionRemover)
	if !ok {
		return unreadSession(err)
	}
	q.SessionError, q.Header = err, q.Header.Clone()
	remover.RemoveSession(q.Header)
	return nil
}

func unreadSession(err error) error {
	return &RouteError{Status: http.StatusServiceUnavailable, Reason: "the session cannot be read", Err: fmt.Errorf("%w: %w", ErrSession, err)}
}

// decidedUnread accepts and counts a decision that was made without the session,
// if holdsUnread reports that it stands. Otherwise it empties d and returns an
// error with status 503.
func (h *Host) decidedUnread(r *Request, d *Decision) error {
	if h.holdsUnread(d) {
		h.ignored.Add(1)
		return nil
	}
	*d = Decision{}
	return unreadSession(r.SessionError)
}

// holdsUnread reports whether d stands although the session could not be read:
// either no session could lead to another tenant, or IgnoreUnreadableSessions is
// set and another router found a tenant, even if a session could lead to another one.
func (h *Host) holdsUnread(d *Decision) bool {
	c := &h.config
	switch {
	case d.Outcome == abi.Missing || d.Outcome == abi.None:
		return false // the session may name a tenant
	case d.Outcome == abi.BadRequest || d.Outcome == abi.Conflict:
		return true
	case c.IgnoreUnreadableSessions:
		return true
	case c.GuestConfig.Compat == abi.Strict:
		return strictHoldsUnread(c.GuestConfig.Routers, d)
	case c.GuestConfig.Conflicts == abi.RefuseConflicts:
		return true // a session that disagrees is a conflict, which has no tenant
	}
	return lastHoldsUnread(c.GuestConfig.Routers, d.Tenant.Routing.Router)
}

// strictHoldsUnread is holdsUnread under strict rules: the domain router redirects
// at once, whatever other routers find; otherwise the last router that finds a
// tenant decides.
func strictHoldsUnread(routers []abi.Router, d *Decision) bool {
	return d.Outcome == abi.Redirect || lastHoldsUnread(routers, d.Tenant.Routing.Router)
}

// lastHoldsUnread is holdsUnread where the last router that finds a tenant decides:
// found, the router that found it, must come after abi.BySession.
func lastHoldsUnread(routers []abi.Router, found abi.Router) bool {
	session, at := slices.Index(routers, abi.BySession), slices.Index(routers, found)
	if at < 0 {
		return false // the router is unknown, and so is its position
	}
	return at > session
}
