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

	"github.com/tenantedge/tenantedge/edge/config"
	"github.com/tenantedge/tenantedge/edge/internal/direct"
	"github.com/tenantedge/tenantedge/edge/websocket"
)

// Addrs returns the addresses of the listeners in the order of the configuration.
// It returns none before Run has opened them.
func (s *Server) Addrs() []net.Addr { return s.ports.addrs(forClients) }

// DecideAddrs returns the addresses at which other servers ask for decisions, in
// the order of the configuration. It returns none before Run has opened them.
func (s *Server) DecideAddrs() []net.Addr { return s.ports.addrs(forDeciders) }

// AdminAddr returns the address of the admin listener, or nil if it is not open.
func (s *Server) AdminAddr() net.Addr {
	if addrs := s.ports.addrs(forAdmin); len(addrs) > 0 {
		return addrs[0]
	}
	return nil
}

// listen opens a socket. key is that of the address in the configuration.
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

// wishes returns the ports that g wants to be open, but that of the admin listener.
func (s *Server) wishes(g *generation) ([]wish, error) {
	var wishes []wish
	for i, l := range g.options.Own {
		w := wish{kind: forClients, address: fmt.Sprintf("Options.Listeners[%d]", i), own: l}
		w.serve = func(settings) *http.Server {
			srv := s.newClientServer(g.options.Limits, config.Listener{H2: true}, nil)
			srv.Protocols.SetHTTP2(true) // for listeners that do TLS themselves
			return srv
		}
		wishes = append(wishes, w)
	}
	if len(g.options.Own) == 0 {
		for _, c := range g.options.Listeners {
			certificates, err := loadCertificates(c.TLS, "listeners: "+c.Address)
			if err != nil {
				return nil, err
			}
			wishes = append(wishes, wish{
				kind: forClients, address: c.Address, certificates: certificates,
				settings: []any{c.H2, c.H2C, connectionLimits(g.options.Limits)},
				serve:    func(o settings) *http.Server { return s.newClientServer(o.Limits, c, certificates) },
			})
		}
	}
	for _, c := range g.options.Decide {
		wishes = append(wishes, wish{
			kind: forDeciders, address: c.Address, settings: []any{connectionLimits(g.options.Limits)},
			serve: func(o settings) *http.Server { return s.newDecideServer(o.Limits, c.Address) },
		})
	}
	return wishes, nil
}

// connectionLimits returns the limits that a server applies to connections, with the
// others zero: a connection has those from when it was accepted.
func connectionLimits(l config.Limits) config.Limits {
	return config.Limits{
		ReadHeaderTimeout: l.ReadHeaderTimeout, BodyTimeout: l.BodyTimeout, AnswerTimeout: l.AnswerTimeout,
		IdleTimeout: l.IdleTimeout, MaxHeaderBytes: l.MaxHeaderBytes,
	}
}

// newClientServer returns a server of clients' requests.
func (s *Server) newClientServer(limits config.Limits, c config.Listener, certificates []tls.Certificate) *http.Server {
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
		TLSConfig:         newTLS(certificates),
	}
	srv.Protocols.SetHTTP1(true)
	srv.Protocols.SetUnencryptedHTTP2(c.H2C && len(certificates) == 0)
	srv.Protocols.SetHTTP2(c.H2 && len(certificates) > 0)
	return srv
}

// loadCertificates loads the certificates of a listener; where is its key.
func loadCertificates(pairs []config.Certificate, where string) ([]tls.Certificate, error) {
	var all []tls.Certificate
	for _, pair := range pairs {
		cert, err := pair.Load()
		if err != nil {
			return nil, errorf("%s: certificate %s with key %s: expected a pair of PEM files: %w", where, pair.Cert, pair.Key, err)
		}
		all = append(all, cert)
	}
	return all, nil
}

// newTLS returns nil without certificates.
func newTLS(certificates []tls.Certificate) *tls.Config {
	if len(certificates) == 0 {
		return nil
	}
	return &tls.Config{MinVersion: tls.VersionTLS12, Certificates: certificates}
}

// wrap returns the listener from which a server accepts.
func (k portKind) wrap(l net.Listener, secure bool) net.Listener {
	switch {
	case k == forAdmin:
		return limited(l)
	case secure:
		return websocket.NewListener(direct.Listen(l)) // so that websockets need no goroutine
	}
	return direct.Listen(l)
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

// describe returns the URLs of the listeners.
func (s *Server) describe() string {
	var b strings.Builder
	for i, at := range s.Addrs() {
		if i > 0 {
			b.WriteString(", ")
		}
		scheme := "http"
		if o := &s.now().options; i < len(o.Listeners) && len(o.Own) == 0 && len(o.Listeners[i].TLS) > 0 {
			scheme = "https"
		}
		fmt.Fprintf(&b, "%s://%s", scheme, at)
	}
	return b.String()
}
