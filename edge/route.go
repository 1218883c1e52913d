package edge

import (
	"context"
	"errors"
	"net/http"
	"strings"

	"github.com/tenantedge/tenantedge/edge/internal/instance"
	"github.com/tenantedge/tenantedge/guest/abi"
)

// Request is what a decision rests on. RequestOf makes one of a net/http
// request; other servers fill it in themselves.
type Request struct {
	Method string
	Scheme string      // "http" or "https"
	Host   string      // Host header as sent; a repeated one's values are joined by "\n"
	NoHost bool        // the client sent no Host
	Target string      // request-target as sent: path and query, still encoded
	Header http.Header // as net/http has it: by canonical names
	// Session is the JSON of the value under Config.TenantSessionKey in the
	// request's verified session; empty if there is none.
	Session string
	// Trusted says that the tenant header may be believed: the peer is trusted,
	// or proved it.
	Trusted   bool
	Websocket bool // a websocket handshake
	Explain   bool // fill in Decision.Reason also where a tenant was found

	path   string // Target's path decoded, if the server has it already
	unread error  // why the session could not be read
}

// ErrGuest is in the chain of errors for which the guest is to blame: it
// trapped, or its answer makes no sense. A *GuestError there says more.
var ErrGuest = instance.ErrTrap

// ErrBusy is in the chain of the error that Route returns when no guest
// instance came free in time.
var ErrBusy = instance.ErrBusy

// ErrTooLarge says that a request does not fit the buffer of 64 KiB that the
// guest sees requests through.
var ErrTooLarge = instance.ErrTooLarge

// Route asks the guest which tenant a request is for. It allocates nothing as
// long as the tenant is in the directory or the TENANTS table. The error is
// ErrBusy, ErrGuest, ErrTooLarge, ErrSession or the context's; a request
// without a tenant is no error, but an Outcome.
func (h *Host) Route(ctx context.Context, r *Request) (d Decision, err error) {
	err = h.route(ctx, r, &d)
	return d, err
}

// route is Route with the decision written in its place, for it is large. After
// an error it is empty.
func (h *Host) route(ctx context.Context, r *Request, d *Decision) error {
	err := h.choose(ctx, r, d)
	if err == nil && r.unread != nil {
		err = h.decidedUnread(r, d)
	}
	return err
}

// choose has the guest decide, or the guest before it.
func (h *Host) choose(ctx context.Context, r *Request, d *Decision) error {
	g, i, err := h.borrow(ctx)
	if err != nil {
		return err
	}
	err = h.decide(ctx, g, i, r, d)
	if err == nil || h.config.OnGuestError != Previous || !errors.Is(err, ErrGuest) {
		return err
	}
	before := h.previous.Load()
	if before == nil || before == g {
		return err
	}
	if i, failed := before.program.Borrow(ctx); failed == nil && h.decide(ctx, before, i, r, d) == nil {
		return nil
	}
	return err
}

// decide asks one guest, and gives its instance back.
func (h *Host) decide(ctx context.Context, g *generation, i *instance.Instance, r *Request, d *Decision) error {
	// The strings of the decision are its own: the instance goes back before
	// anyone acts on it.
	defer g.program.Return(i)
	s := i.Services().(*services)
	s.begin()
	err := i.Call(ctx, instance.Route, func(buf []byte) int {
		return g.encode(buf, r, s)
	}, func(reply abi.Message) error {
		if err := s.decode(d, reply, r); err != nil {
			return instance.Senseless(instance.Route, err)
		}
		return nil
	})
	if err != nil {
		*d = Decision{}
		return g.failed(err)
	}
	return nil
}

// encode writes the route request to buf and returns its size, -1 if it does
// not fit.
func (g *generation) encode(buf []byte, r *Request, s *services) int {
	var word uint32
	if r.Trusted {
		word |= abi.ReqTrusted
	}
	if r.Websocket {
		word |= abi.ReqWebsocket
	}
	if r.Explain {
		word |= abi.ReqExplain
	}
	fields, ahead := abi.ReqHeader0+len(g.headers), -1
	if g.program.LooksAhead() {
		ahead = fields
		fields++
	}
	b := abi.Begin(buf, word, fields)
	b.Put(abi.ReqMethod, r.Method)
	b.Put(abi.ReqScheme, r.Scheme)
	if !r.NoHost {
		b.Put(abi.ReqHost, r.Host)
	}
	b.Put(abi.ReqTarget, r.Target)
	byHost := word&^abi.ReqTrusted == 0 // nothing else names a tenant, and nobody asks why
	if r.Session != "" {
		b.Put(abi.ReqSession, r.Session)
		byHost = false
	}
	for i, name := range g.headers {
		values, ok := r.Header[name]
		if !ok || len(values) == 0 {
			continue
		}
		byHost = false
		putHeader(&b, abi.ReqHeader0+i, values)
	}
	if !b.Fits() {
		return -1
	}
	if ahead >= 0 && byHost {
		if size, ok := s.lookAhead(r, b.Rest()); ok {
			b.Keep(ahead, size)
		}
	}
	return b.Size()
}

// rawPath is the path of a request-target in origin form, still encoded.
func rawPath(target string) string {
	path, _, _ := strings.Cut(target, "?")
	return path
}
