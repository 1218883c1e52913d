package edge

import (
	"context"
	"fmt"
	"net/http"
	"slices"

	"github.com/tenantedge/tenantedge/guest/abi"
)

// readSession fills in what the session of r says, and removes from q what could
// name another one. A request whose session cannot be read is decided as one
// that has none, and loses what names the session: the application must not act
// on a session that routing has not seen.
func (h *Host) readSession(ctx context.Context, r *http.Request, q *Request) error {
	if cleaner, ok := h.config.Sessions.(SessionCleaner); ok {
		q.Header = cleaner.CleanSession(q.Header)
	}
	session, err := h.config.Sessions.Session(ctx, r)
	if err == nil {
		q.Session = string(session[h.config.TenantSessionKey])
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

// decidedUnread refuses what was decided without the session that could not be
// read, unless the decision holds without it.
func (h *Host) decidedUnread(r *Request, d *Decision) error {
	if h.holdsUnread(d) {
		h.ignored.Add(1)
		return nil
	}
	*d = Decision{}
	return unreadSession(r.SessionError)
}

// holdsUnread reports whether d is the same whatever the session says, or the
// configuration ignores that it may not be.
func (h *Host) holdsUnread(d *Decision) bool {
	c := &h.config
	switch {
	case d.Outcome == abi.Missing || d.Outcome == abi.None:
		return false // the session may name a tenant
	case d.Outcome == abi.BadRequest || d.Outcome == abi.Conflict:
		return true
	case c.SessionsUnavailable == Ignore:
		return true
	case c.Compat == Strict:
		return strictHoldsUnread(c.Routers, d)
	case c.Conflicts == Refuse:
		return true // a session that disagrees leads to no tenant
	}
	return lastHoldsUnread(c.Routers, d.Tenant.Routing.Router)
}

// strictHoldsUnread is holdsUnread under strict rules: the domain router redirects
// at once, whatever others find; of tenants the last one prevails.
func strictHoldsUnread(routers []string, d *Decision) bool {
	return d.Outcome == abi.Redirect || lastHoldsUnread(routers, d.Tenant.Routing.Router)
}

// lastHoldsUnread is holdsUnread where the last router that finds a tenant
// prevails: the router that found one, by its name, must come after the session's.
func lastHoldsUnread(routers []string, found abi.Router) bool {
	session, at := slices.Index(routers, RouteSession), slices.Index(routers, string(found))
	if at < 0 {
		return false // the router is unknown, so its place is too
	}
	return at > session
}
