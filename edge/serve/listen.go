package serve

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"strings"
	"syscall"

	"golang.org/x/net/netutil"

	"github.com/tenantedge/tenantedge/edge/config"
	"github.com/tenantedge/tenantedge/edge/internal/direct"
	"github.com/tenantedge/tenantedge/edge/websocket"
)

// maxAdminConnections is the number of connections that the admin listener accepts
// at once. They do not count as those of clients, whose descriptors they must not
// use up.
const maxAdminConnections = 256

// listenAdmin opens the admin listener and serves on it. Run calls it before it
// loads the directory, so that probes get answers while the process starts.
func (s *Server) listenAdmin() error {
	if s.options.Admin == "" || s.adminListener != nil {
		return nil
	}
	l, err := listen(s.options.Admin, "admin")
	if err != nil {
		return err
	}
	l = netutil.LimitListener(l, maxAdminConnections)
	s.adminListener = l
	if s.admin, err = s.newAdmin(); err != nil {
		return err
	}
	serve := s.admin.Serve
	if s.admin.TLSConfig != nil {
		serve = func(l net.Listener) error { return s.admin.ServeTLS(l, "", "") }
	}
	go func() {
		if err := unlessClosed(serve(l)); err != nil {
			s.log.Error("the admin listener failed", "address", s.options.Admin, "error", err)
		}
	}()
	return nil
}

// listen opens the listeners. Connections are not accepted before serve.
func (s *Server) listen() error {
	if err := s.listenPublic(); err != nil {
		return err
	}
	s.public = len(s.listeners)
	for _, d := range s.deciders {
		l, err := listen(d.config.Address, "decide")
		if err != nil {
			return err
		}
		s.listeners = append(s.listeners, l)
		s.servers = append(s.servers, s.newDecideServer(d))
	}
	return nil
}

// listenPublic opens the listeners for clients.
func (s *Server) listenPublic() error {
	for _, l := range s.options.Own {
		srv, err := s.newServer(config.Listener{H2: true})
		if err != nil {
			return err
		}
		srv.Protocols.SetHTTP2(true) // for listeners that do TLS themselves
		s.listeners = append(s.listeners, l)
		s.servers = append(s.servers, srv)
	}
	if len(s.options.Own) > 0 {
		return nil
	}
	for _, c := range s.options.Listeners {
		srv, err := s.newServer(c)
		if err != nil {
			return err
		}
		l, err := listen(c.Address, "listeners")
		if err != nil {
			return err
		}
		s.listeners = append(s.listeners, l)
		s.servers = append(s.servers, srv)
	}
	return nil
}

// Addrs returns the addresses of the listeners in the order of the configuration.
// It returns none before Run has opened them.
func (s *Server) Addrs() []net.Addr { return addrs(s.listeners[:s.public]) }

// DecideAddrs returns the addresses at which other servers ask for decisions, in
// the order of the configuration. It returns none before Run has opened them.
func (s *Server) DecideAddrs() []net.Addr { return addrs(s.listeners[s.public:]) }

func addrs(listeners []net.Listener) []net.Addr {
	all := make([]net.Addr, len(listeners))
	for i, l := range listeners {
		all[i] = l.Addr()
	}
	return all
}

// AdminAddr returns the address of the admin listener, or nil if it is not open.
func (s *Server) AdminAddr() net.Addr {
	if s.adminListener == nil {
		return nil
	}
	return s.adminListener.Addr()
}

func listen(address, key string) (net.Listener, error) {
	l, err := net.Listen("tcp", address)
	switch {
	case errors.Is(err, syscall.EADDRINUSE):
		return nil, errorf("%s: expected %s to be free, found another program that listens on it; stop that program or change the address: %w", key, address, err)
	case errors.Is(err, syscall.EACCES):
		return nil, errorf("%s: expected permission to listen on %s, found none; use a port from 1024 up, or grant CAP_NET_BIND_SERVICE: %w", key, address, err)
	case err != nil:
		return nil, errorf("%s: %s: %w", key, address, err)
	}
	return l, nil
}

func (s *Server) newServer(c config.Listener) (*http.Server, error) {
	limits := s.options.Limits
	srv := &http.Server{
		Handler:           s,
		ReadHeaderTimeout: limits.ReadHeaderTimeout,
		ReadTimeout:       limits.BodyTimeout, // package pace lifts these two for handlers
		WriteTimeout:      limits.AnswerTimeout,
		HTTP2:             &http.HTTP2Config{WriteByteTimeout: limits.AnswerTimeout},
		ConnState:         s.connections.stateChanged,
		IdleTimeout:       limits.IdleTimeout,
		MaxHeaderBytes:    limits.MaxHeaderBytes,
		BaseContext:       func(net.Listener) context.Context { return s.base },
		ConnContext:       withClient,
		ErrorLog:          slog.NewLogLogger(quietHandler{s.log.Handler()}, slog.LevelError),
		Protocols:         new(http.Protocols),
	}
	srv.Protocols.SetHTTP1(true)
	srv.Protocols.SetUnencryptedHTTP2(c.H2C && len(c.TLS) == 0)
	srv.Protocols.SetHTTP2(c.H2 && len(c.TLS) > 0)
	var err error
	srv.TLSConfig, err = newTLS(c.TLS, "listeners: "+c.Address)
	return srv, err
}

// newTLS loads certificates for a listener; where is its key. Without any, it
// returns nil.
func newTLS(pairs []config.Certificate, where string) (*tls.Config, error) {
	if len(pairs) == 0 {
		return nil, nil
	}
	t := &tls.Config{MinVersion: tls.VersionTLS12}
	for _, pair := range pairs {
		cert, err := pair.Load()
		if err != nil {
			return nil, errorf("%s: certificate %s with key %s: expected a pair of PEM files: %w", where, pair.Cert, pair.Key, err)
		}
		t.Certificates = append(t.Certificates, cert)
	}
	return t, nil
}

func serveOn(srv *http.Server, l net.Listener) error {
	if srv.TLSConfig != nil {
		return srv.ServeTLS(websocket.NewListener(direct.Listen(l)), "", "") // so that websockets need no goroutine
	}
	return srv.Serve(direct.Listen(l))
}

// quietHandler lowers the level of errors that clients cause, which net/http
// reports as text, to debug: otherwise anyone could fill the log with broken
// handshakes.
type quietHandler struct{ slog.Handler }

func (h quietHandler) Handle(ctx context.Context, r slog.Record) error {
	for _, noise := range []string{"http: TLS handshake error", "http2: ", "http: URL query contains semicolon"} {
		if strings.HasPrefix(r.Message, noise) {
			r.Level = slog.LevelDebug
			if !h.Enabled(ctx, r.Level) {
				return nil
			}
		}
	}
	return h.Handler.Handle(ctx, r)
}

func (s *Server) describe() string {
	var b strings.Builder
	for i, c := range s.options.Listeners {
		if i > 0 {
			b.WriteString(", ")
		}
		scheme := "http"
		if len(c.TLS) > 0 {
			scheme = "https"
		}
		fmt.Fprintf(&b, "%s://%s", scheme, s.listeners[i].Addr())
	}
	return b.String()
}
