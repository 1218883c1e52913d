package guests

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"net/url"
	"strings"

	"github.com/tenantedge/tenantedge/edge/internal/instance"
	"github.com/tenantedge/tenantedge/edge/internal/requestid"
	"github.com/tenantedge/tenantedge/edge/tenant"
	"github.com/tenantedge/tenantedge/guest/abi"
)

// Request has the fields of edge.Request, which documents them: one converts to
// the other.
type Request struct {
	Method       string
	Scheme       string
	Host         string
	NoHost       bool
	Target       string
	Path         string
	Header       http.Header
	RemoteAddr   string
	Session      string
	SessionError error
	Trusted      bool
	TrustedPeer  bool
	Websocket    bool
	Explain      bool
}

// Decision has the fields of edge.Decision, which documents them: one converts
// to the other.
type Decision struct {
	Outcome  abi.Outcome
	Status   int
	Location string
	Reason   string
	Tenant   tenant.Tenant
	WSRoute  string
	WSKwargs string
	WSFound  bool
	Headers  []string
}

// Route makes the current guest decide about a request. If it traps and
// Config.Fallback is set, the previous guest decides. Route writes the decision to d,
// which is large, instead of returning it. After an error d is empty.
func (s *Set) Route(ctx context.Context, r *Request, d *Decision) error {
	g, i, err := s.Borrow(ctx)
	if err != nil {
		return err
	}
	if t := s.candidate.Load(); t != nil {
		err = s.routeBeside(ctx, t, g, i, r, d)
	} else {
		_, err = g.decide(ctx, i, r, d)
	}
	if err == nil || !s.config.Fallback || !errors.Is(err, instance.ErrTrap) {
		return err
	}
	previous := s.previous.Load()
	if previous == nil || previous == g {
		return err
	}
	if _, failed := previous.measure(ctx, r, d); failed == nil {
		attrs := []slog.Attr{slog.String("guest", g.digest), slog.String("request", requestid.Of(ctx)), slog.Any("error", err)}
		s.log.write(ctx, slog.LevelError, "the guest failed; the previous guest decided instead", attrs)
		return nil
	}
	return err
}

// decideUntraced calls the guest, and gives its instance back. It returns the fuel that
// the guest used, also if it failed.
func (g *Generation) decideUntraced(ctx context.Context, i *instance.Instance, r *Request, d *Decision) (fuel uint64, err error) {
	// The decision refers to no guest memory: the instance is returned before the
	// decision is carried out.
	defer g.program.Return(i)
	s := i.Services().(*services)
	s.begin()
	// A candidate decides requests that are recorded as the current guest's.
	if recorder := s.set.config.Recorder; recorder != nil && g == s.set.Current() && hasEffects(ctx) && recorder.Samples() {
		return g.record(ctx, i, recorder.Tape(s.tenants.rows), r, d)
	}
	return g.ask(ctx, i, s, r, d)
}

// ask calls the guest after s.begin. It returns the fuel that the guest used, also if
// it failed.
func (g *Generation) ask(ctx context.Context, i *instance.Instance, s *services, r *Request, d *Decision) (fuel uint64, err error) {
	err = i.Call(ctx, instance.Route, func(buf []byte) int {
		return g.encode(buf, r, s)
	}, func(reply abi.Message) error {
		if err := s.decode(d, reply, r); err != nil {
			return instance.InvalidReply(instance.Route, err)
		}
		return nil
	})
	fuel = i.Fuel()
	if err != nil {
		*d = Decision{}
		return fuel, g.failed(err)
	}
	return fuel, nil
}

// encode writes the route request to buf and returns its size, or -1 if it does not
// fit.
func (g *Generation) encode(buf []byte, r *Request, s *services) int {
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
	fields, lookAhead := abi.ReqHeader0+len(g.headers), -1
	if g.program.LooksAhead() {
		lookAhead = fields
		fields++
	}
	b := abi.Begin(buf, word, fields)
	b.Put(abi.ReqMethod, r.Method)
	b.Put(abi.ReqScheme, r.Scheme)
	if !r.NoHost {
		b.Put(abi.ReqHost, r.Host)
	}
	b.Put(abi.ReqTarget, r.Target)
	byHost := word&^abi.ReqTrusted == 0 // only host and path can name a tenant, and no reason is requested
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
		PutHeader(&b, abi.ReqHeader0+i, values)
	}
	if !b.Fits() {
		return -1
	}
	if lookAhead >= 0 && byHost {
		if size, ok := s.lookAhead(r, b.Rest()); ok {
			b.Keep(lookAhead, size)
		}
	}
	if s.tape != nil {
		s.tape.Begin()
	}
	return b.Size()
}

// PutHeader sets a field to the values of a header, if there are any.
func PutHeader(b *abi.Builder, field int, values []string) {
	for i, v := range values {
		if i == 0 {
			b.Put(field, v)
			continue
		}
		b.Append(field, "\n")
		b.Append(field, v)
	}
}

// Size returns the size of a message, as instance.Call wants it: negative if the
// message does not fit.
func Size(b *abi.Builder) int {
	if !b.Fits() {
		return -b.Size()
	}
	return b.Size()
}

// decodedPath returns the decoded path of a request, "/" if its target has none or an
// invalid one, which servers reject.
func decodedPath(r *Request) string {
	if r.Path != "" {
		return r.Path
	}
	if u, err := url.ParseRequestURI(r.Target); err == nil && u.Path != "" {
		return u.Path
	}
	return "/"
}

// rawPath returns the path of a request target in origin form, still encoded.
func rawPath(target string) string {
	path, _, _ := strings.Cut(target, "?")
	return path
}
