package sockets

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"math/big"
	"net"
	"net/http"
	"runtime/debug"
	"time"

	"github.com/tenantedge/tenantedge/bench/process"
	"github.com/tenantedge/tenantedge/edge"
)

// ServeCommand is the command by which the benchmark starts itself as a
// websocket server.
const ServeCommand = "serve-websockets"

// Entry is a server that can be started.
type Entry struct {
	Name, Title string
	// Prepare says which version it is, or why it cannot run here; nil: ours.
	Prepare func(ctx context.Context) (version string, err error)
	start   func(ctx context.Context) (*process.Server, Target, error)
	// startTLS starts it with TLS; nil: it is not measured with TLS.
	startTLS func(ctx context.Context) (*process.Server, Target, error)
	// Relays says that a socket takes two descriptors of the server.
	Relays bool
}

// TLS reports whether the server can be started with TLS.
func (e Entry) TLS() bool { return e.startTLS != nil }

// Server is a server that runs.
type Server struct {
	*process.Server
	Target Target
}

// Names of servers that others are compared with.
const (
	Gobwas = "gobwas"
	Daphne = "daphne"
)

// Servers lists the servers, the baseline first.
func Servers() []Entry {
	return []Entry{
		{Name: Gobwas, Title: "gobwas/ws, a goroutine per connection", start: itself(Gobwas), startTLS: itselfTLS(Gobwas)},
		{Name: edgeHandler, Title: "tenantedge, a handler in Go", start: itself(edgeHandler), startTLS: itselfTLS(edgeHandler)},
		{Name: edgeConsumer, Title: "tenantedge, a consumer in the guest", start: itself(edgeConsumer), startTLS: itselfTLS(edgeConsumer)},
		{Name: edgeUpstream, Title: "tenantedge in front of gobwas/ws", Relays: true, start: inFront},
		{Name: Daphne, Title: "daphne, channels_redis", Prepare: daphneVersion, start: daphne("channels_redis.core.RedisChannelLayer")},
		{Name: Daphne + "-pubsub", Title: "daphne, channels_redis by pub/sub", Prepare: daphneVersion, start: daphne("channels_redis.pubsub.RedisPubSubChannelLayer")},
	}
}

// Start starts a server and waits until it takes connections.
func (e Entry) Start(ctx context.Context) (*Server, error) { return e.run(ctx, e.start) }

// StartTLS is Start with TLS.
func (e Entry) StartTLS(ctx context.Context) (*Server, error) { return e.run(ctx, e.startTLS) }

func (e Entry) run(ctx context.Context, start func(context.Context) (*process.Server, Target, error)) (*Server, error) {
	s, t, err := start(ctx)
	if err != nil {
		return nil, fmt.Errorf("sockets: %s: %w", e.Name, err)
	}
	return &Server{s, t}, nil
}

// itself starts this program as a server.
func itself(arguments ...string) func(context.Context) (*process.Server, Target, error) {
	return func(ctx context.Context) (*process.Server, Target, error) {
		c, end, err := process.Itself(ctx, append([]string{ServeCommand}, arguments...)...)
		if err != nil {
			return nil, Target{}, err
		}
		s, err := process.Start(c, end)
		if err != nil {
			return nil, Target{}, err
		}
		return s, Target{Address: s.Address, Host: host}, nil
	}
}

func itselfTLS(kind string) func(context.Context) (*process.Server, Target, error) {
	start := itself(kind, "tls")
	return func(ctx context.Context) (*process.Server, Target, error) {
		s, t, err := start(ctx)
		t.TLS = true
		return s, t, err
	}
}

// inFront starts our server in front of that of gobwas/ws.
func inFront(ctx context.Context) (*process.Server, Target, error) {
	behind, _, err := itself(Gobwas)(ctx)
	if err != nil {
		return nil, Target{}, err
	}
	s, t, err := itself(edgeUpstream, behind.Address)(ctx)
	if err != nil {
		return nil, Target{}, errors.Join(err, behind.Close())
	}
	s.After(behind.Close)
	return s, t, nil
}

// host is the domain of the one tenant that sockets are of.
const host = "tenant.example.org"

// Serve serves one kind of server on a loopback port, which it writes to
// stdout, until stdin ends. Behind the kind comes "tls", or the address of the
// server behind it.
func Serve(ctx context.Context, args []string, stdin io.Reader, stdout io.Writer) error {
	if len(args) < 1 || len(args) > 2 {
		return fmt.Errorf("%s: expected a kind of server, and tls or an upstream", ServeCommand)
	}
	more := ""
	if len(args) == 2 {
		more = args[1]
	}
	handler, closeHandler, err := handlerOf(ctx, args[0], more)
	if err != nil {
		return err
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return errors.Join(err, closeHandler())
	}
	server := http.Server{Handler: collecting(handler)}
	serve := server.Serve
	if more == "tls" {
		certificate, err := selfSigned()
		if err != nil {
			return errors.Join(err, closeHandler(), listener.Close())
		}
		server.TLSConfig = &tls.Config{Certificates: []tls.Certificate{certificate}}
		serve = func(l net.Listener) error { return server.ServeTLS(edge.WebsocketListener(l), "", "") }
	}
	done := make(chan error, 1)
	go func() { done <- serve(listener) }()
	fmt.Fprintln(stdout, listener.Addr())
	_, err = io.Copy(io.Discard, stdin)
	err = errors.Join(err, server.Close())
	if served := <-done; !errors.Is(served, http.ErrServerClosed) {
		err = errors.Join(err, served)
	}
	return errors.Join(err, closeHandler())
}

// collectPath has a server of this program's collect its garbage and give
// memory back, so that what it held for its start is not in the way.
const collectPath = "/collect"

func collecting(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == collectPath {
			for range 3 { // what pools hold goes with the second collection
				debug.FreeOSMemory()
			}
			return
		}
		next.ServeHTTP(w, r)
	})
}

// Collect has the server collect its garbage. Those of others are left alone.
func (s *Server) Collect(ctx context.Context) error {
	if s.Target.Host != host {
		return nil
	}
	scheme := "http"
	if s.Target.TLS {
		scheme = "https"
	}
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, scheme+"://"+s.Target.Address+collectPath, nil)
	if err != nil {
		return err
	}
	c := http.Client{Transport: &http.Transport{DisableKeepAlives: true, TLSClientConfig: &tls.Config{InsecureSkipVerify: true}}} // a certificate made for this run
	a, err := c.Do(r)
	if err != nil {
		return err
	}
	if err := a.Body.Close(); err != nil || a.StatusCode == http.StatusOK {
		return err
	}
	return fmt.Errorf("sockets: %s: %s", collectPath, a.Status)
}

func handlerOf(ctx context.Context, kind, upstream string) (http.Handler, func() error, error) {
	switch kind {
	case Gobwas:
		return gobwasHandler(), func() error { return nil }, nil
	case edgeHandler, edgeConsumer, edgeUpstream:
		h, err := startEdge(ctx, kind, upstream)
		if err != nil {
			return nil, nil, err
		}
		handler, end := served(h)
		return handler, end, nil
	}
	return nil, nil, fmt.Errorf("%s: no server is called %q", ServeCommand, kind)
}

// selfSigned is a certificate for host, which clients do not check.
func selfSigned() (tls.Certificate, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return tls.Certificate{}, err
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(1), DNSNames: []string{host}, NotAfter: time.Now().Add(24 * time.Hour)}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}, err
}
