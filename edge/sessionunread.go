package edge

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
)

// ErrSession is in the chain of the error for a request whose session could
// not be read and could name its tenant.
var ErrSession = errors.New("edge: session")

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
	q.unread, q.Header = err, q.Header.Clone()
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
	return unreadSession(r.unread)
}

// holdsUnread reports whether no session could lead to another tenant, or the
// configuration ignores that it could.
func (h *Host) holdsUnread(d *Decision) bool {
	c := &h.config
	switch {
	case d.Outcome == OutcomeNotFound || d.Outcome == OutcomeNone: // the session may name one
		return false
	case d.Outcome == OutcomeBadRequest || d.Outcome == OutcomeConflict || c.SessionsUnavailable == Ignore:
		return true
	case c.Compat == Strict:
		if d.Outcome == OutcomeRedirect { // the domain router's: later ones are not asked
			return true
		}
	case c.Conflicts == Refuse: // a session that disagrees leads to no tenant
		return true
	}
	return slices.Index(c.Routers, d.Tenant.Routing.Kind) > slices.Index(c.Routers, RouteSession)
}
