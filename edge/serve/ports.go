package serve

import (
	"context"
	"crypto/tls"
	"errors"
	"net"
	"net/http"
	"reflect"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/net/netutil"
)

// maxAdminConnections is the number of connections that the admin listener accepts
// at once. They do not count as those of clients, whose descriptors they must not
// use up.
const maxAdminConnections = 256

func limited(l net.Listener) net.Listener { return netutil.LimitListener(l, maxAdminConnections) }

// portKind is what a port is for. Its text is the key of its address.
type portKind string

const (
	forClients  portKind = "listeners"
	forDeciders portKind = "decide"
	forAdmin    portKind = "admin"
)

// wish is a port that a configuration wants to be open.
type wish struct {
	kind         portKind
	address      string       // in the configuration
	own          net.Listener // the embedder's; nil: the port is opened
	certificates []tls.Certificate
	settings     []any // what the server that serve makes depends on, besides certificates
	serve        func(settings) *http.Server
}

// same reports whether a server that was made for other serves w too.
func (w *wish) same(other *wish) bool {
	return w.kind == other.kind && reflect.DeepEqual(w.settings, other.settings) &&
		slices.EqualFunc(w.certificates, other.certificates, func(a, b tls.Certificate) bool {
			return reflect.DeepEqual(a.Certificate, b.Certificate)
		})
}

// among returns the index of the open port that w can use, or -1. Its address may have
// been that of another kind of port, if that is not wished for any more.
func (w *wish) among(free []*port, wishes []wish) int {
	has := func(kind portKind, address string) bool {
		return slices.ContainsFunc(wishes, func(other wish) bool { return other.kind == kind && other.address == address })
	}
	i := slices.IndexFunc(free, func(open *port) bool { return open.kind == w.kind && open.address == w.address })
	if i < 0 {
		i = slices.IndexFunc(free, func(open *port) bool { return open.address == w.address && !has(open.kind, open.address) })
	}
	return i
}

// port is an open socket. It outlives configurations: if one needs another server,
// that takes the place of the first, without a connection being refused meanwhile.
type port struct {
	wish
	socket net.Listener
	server *server // nil: none accepts yet
}

// server is an http.Server that accepts, or has accepted, from a port.
type server struct {
	*http.Server
	kind     portKind
	open     atomic.Int64 // connections
	listener *turn
	wrapped  net.Listener
	ended    chan struct{} // closed when it no longer accepts
}

// turn is a listener until its server ends accepting. The socket stays open.
type turn struct {
	net.Listener
	over atomic.Bool
	away atomic.Int64 // since when the server has not asked for a connection, in Unix nanoseconds; 0: it is asking
}

// deadliner is a socket whose Accept can be interrupted.
type deadliner interface{ SetDeadline(time.Time) error }

// Accept implements net.Listener.
func (t *turn) Accept() (net.Conn, error) {
	if t.over.Load() {
		return nil, net.ErrClosed
	}
	t.away.Store(0)
	defer func() { t.away.Store(time.Now().UnixNano()) }()
	c, err := t.Listener.Accept()
	if err != nil && t.over.Load() {
		return nil, net.ErrClosed
	}
	return c, err
}

// Close implements net.Listener. It only interrupts Accept.
func (t *turn) Close() error {
	t.over.Store(true)
	if d, ok := t.Listener.(deadliner); ok {
		return d.SetDeadline(time.Unix(1, 0))
	}
	return t.Listener.Close()
}

// ports are the open sockets of a Server and the servers on them.
type ports struct {
	failed    chan error // receives why a server no longer accepts
	inherited inherited

	mu   sync.Mutex
	list []*port
	past []*server // no longer accept, but may have connections
}

// change is a set of ports that is ready to replace those that are open.
type change struct {
	ports  *ports
	list   []*port
	opened []net.Listener // by the change
	next   []*server      // of list; nil: the server stays
	kinds  []portKind     // those that the change is about
}

// prepare opens the sockets that wishes need and that are not open, and makes
// servers. The ports of other kinds stay as they are.
func (p *ports) prepare(o settings, wishes []wish, kinds ...portKind) (_ *change, err error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	c := &change{ports: p, kinds: kinds}
	free := slices.DeleteFunc(slices.Clone(p.list), func(open *port) bool { return !slices.Contains(kinds, open.kind) })
	for _, w := range wishes {
		var next *port
		if i := w.among(free, wishes); i >= 0 {
			next = &port{wish: w, socket: free[i].socket, server: free[i].server}
			if w.own != nil || w.same(&free[i].wish) {
				next.wish = free[i].wish
				c.next = append(c.next, nil)
			} else {
				c.next = append(c.next, newServerOn(next, o))
			}
			free = slices.Delete(free, i, i+1)
		} else {
			next = &port{wish: w, socket: w.own}
			if w.own == nil {
				if next.socket, err = p.inherited.listen(w.address, string(w.kind)); err != nil {
					return nil, errors.Join(err, c.cancel())
				}
				c.opened = append(c.opened, next.socket)
				if w.kind == forAdmin {
					err = o.checkAdminAddress(next.socket.Addr().String())
				}
				if err != nil {
					return nil, errors.Join(err, c.cancel())
				}
			}
			c.next = append(c.next, newServerOn(next, o))
		}
		c.list = append(c.list, next)
	}
	return c, nil
}

func newServerOn(p *port, o settings) *server {
	s := &server{Server: p.serve(o), kind: p.kind, listener: &turn{Listener: p.socket}, ended: make(chan struct{})}
	s.wrapped = p.kind.wrap(s.listener, s.TLSConfig != nil)
	then := s.ConnState
	s.ConnState = func(c net.Conn, state http.ConnState) {
		switch state {
		case http.StateNew:
			s.open.Add(1)
		case http.StateClosed, http.StateHijacked:
			s.open.Add(-1)
		}
		if then != nil {
			then(c, state)
		}
	}
	return s
}

// cancel closes what the change has opened.
func (c *change) cancel() error {
	var errs []error
	for _, l := range c.opened {
		errs = append(errs, l.Close())
	}
	return errors.Join(errs...)
}

// apply lets the servers of the change accept. Ports that it does not have are closed:
// their requests are answered, and then their connections end.
func (c *change) apply(base context.Context) {
	p := c.ports
	p.mu.Lock()
	defer p.mu.Unlock()
	p.past = slices.DeleteFunc(p.past, func(s *server) bool { return s.open.Load() == 0 })
	var others, closed []*port
	for _, old := range p.list {
		switch {
		case !slices.Contains(c.kinds, old.kind):
			others = append(others, old)
		case !slices.ContainsFunc(c.list, func(kept *port) bool { return kept.socket == old.socket }):
			closed = append(closed, old)
		}
	}
	for i, next := range c.list {
		s := c.next[i]
		if s == nil {
			continue
		}
		before := next.server
		p.takeOver(next, s)
		if before != nil && before.kind != next.kind {
			before.retire(base) // what it serves, such as /metrics, is not there any more
		}
	}
	p.list = append(others, c.list...)
	for _, old := range closed {
		p.end(old)
		_ = old.socket.Close()
		if old.server != nil {
			old.server.retire(base)
		}
	}
}

// retire ends the connections of a server that accepts no more, each after its request.
// base ends when all are interrupted.
func (s *server) retire(base context.Context) {
	s.SetKeepAlivesEnabled(false)
	go s.Shutdown(base)
}

// takeOver makes s the server that accepts from a port.
func (p *ports) takeOver(at *port, s *server) {
	p.end(at)
	if d, ok := at.socket.(deadliner); ok {
		_ = d.SetDeadline(time.Time{}) // an error would be one of Accept too
	}
	at.server = s
	go func() {
		defer close(s.ended)
		var err error
		if s.TLSConfig != nil {
			err = s.ServeTLS(s.wrapped, "", "")
		} else {
			err = s.Serve(s.wrapped)
		}
		if err := unlessClosed(err); err != nil {
			select {
			case p.failed <- errorf("%s: listener %s: %w", at.kind, at.socket.Addr(), err):
			default: // another failure has ended the Server
			}
		}
	}()
}

// end makes the server of a port accept no more connections.
func (p *ports) end(at *port) {
	if at.server == nil {
		return
	}
	_ = at.server.wrapped.Close() // interrupts Accept
	<-at.server.ended
	p.past = append(p.past, at.server)
}

// kinds returns the kinds of the open ports.
func (p *ports) kinds() (all []portKind) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, open := range p.list {
		all = append(all, open.kind)
	}
	return all
}

// stop closes the sockets for clients and deciders. Their connections stay.
func (p *ports) stop() {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, open := range p.list {
		if open.kind != forAdmin {
			p.end(open)
			open.server = nil // it is in past
			_ = open.socket.Close()
		}
	}
}

// addrs returns the addresses of the ports of a kind.
func (p *ports) addrs(kind portKind) []net.Addr {
	p.mu.Lock()
	defer p.mu.Unlock()
	var all []net.Addr
	for _, open := range p.list {
		if open.kind == kind {
			all = append(all, open.socket.Addr())
		}
	}
	return all
}

// servers returns all servers that may have connections of some kinds.
func (p *ports) servers(kinds ...portKind) []*server {
	p.mu.Lock()
	defer p.mu.Unlock()
	all := slices.Clone(p.past)
	for _, open := range p.list {
		if open.server != nil && slices.Contains(kinds, open.kind) {
			all = append(all, open.server)
		}
	}
	return all
}

// close closes all sockets and connections.
func (p *ports) close() error {
	p.mu.Lock()
	defer p.mu.Unlock()
	var errs []error
	for _, open := range p.list {
		errs = append(errs, unlessClosed(open.socket.Close()))
		if open.server != nil {
			errs = append(errs, unlessClosed(open.server.Close()))
		}
	}
	for _, s := range p.past {
		errs = append(errs, unlessClosed(s.Close()))
	}
	return errors.Join(errs...)
}
