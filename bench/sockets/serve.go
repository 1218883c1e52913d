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
	"github.com/tenantedge/tenantedge/edge/websocket"
)

// ServeCommand is the command with which the benchmark starts its own executable
// as a websocket server.
const ServeCommand = "serve-websockets"

// Entry is a server that can be started.
type Entry struct {
	Name, Title string
	// Prepare returns the version, or an error if the server is not available.
	// It is nil for servers in this executable.
	Prepare func(ctx context.Context) (version string, err error)
	start   func(ctx context.Context) (*process.Server, Target, error)
	// startTLS starts the server with TLS; nil if it is not measured with TLS.
	startTLS func(ctx context.Context) (*process.Server, Target, error)
	// Relays is set if each socket uses two descriptors of the server.
	Relays bool
}

// TLS reports whether the server can be started with TLS.
func (e Entry) TLS() bool { return e.startTLS != nil }

// Server is a running server.
type Server struct {
	*process.Server
	Target Target
}

// Names of servers that other packages refer to.
const (
	Gobwas = "gobwas"
	Daphne = "daphne"
)

// Servers returns the servers, the baseline first.
func Servers() []Entry {
	return []Entry{
		{Name: Gobwas, Title: "gobwas/ws, a goroutine per connection", start: itself(Gobwas), startTLS: itselfTLS(Gobwas)},
		{Name: edgeHandler, Title: "tenantedge, a handler in Go", start: itself(edgeHandler), startTLS: itselfTLS(edgeHandler)},
		{Name: edgeConsumer, Title: "tenantedge, a consumer in the guest", start: itself(edgeConsumer), startTLS: itselfTLS(edgeConsumer)},
		{Name: Relay, Title: "tenantedge in front of gobwas/ws", Relays: true, start: startRelay},
		{Name: Daphne, Title: "daphne, channels_redis", Prepare: daphneVersion, start: daphne("channels_redis.core.RedisChannelLayer")},
		{Name: Daphne + "-pubsub", Title: "daphne, channels_redis by pub/sub", Prepare: daphneVersion, start: daphne("channels_redis.pubsub.RedisPubSubChannelLayer")},
	}
}

// Start starts a server and waits until it accepts connections.
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

// itself returns a function that starts this executable as a server.
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

// startRelay starts our server in front of the gobwas/ws server.
func startRelay(ctx context.Context) (*process.Server, Target, error) {
	upstream, _, err := itself(Gobwas)(ctx)
	if err != nil {
		return nil, Target{}, err
	}
	s, t, err := itself(Relay, upstream.Address)(ctx)
	if err != nil {
		return nil, Target{}, errors.Join(err, upstream.Close())
	}
	s.OnClose(upstream.Close)
	return s, t, nil
}

// host is the domain of the tenant of all sockets.
const host = "tenant.example.org"

// Serve runs a server on a loopback address, which it writes to stdout, until
// stdin is closed. The arguments are the kind of server and, optionally, "tls" or
// the address of the upstream server.
func Serve(ctx context.Context, args []string, stdin io.Reader, stdout io.Writer) error {
	if len(args) < 1 || len(args) > 2 {
		return fmt.Errorf("%s: expected a kind of server, and optionally tls or an upstream, found %q", ServeCommand, args)
	}
	option := ""
	if len(args) == 2 {
		option = args[1]
	}
	handler, closeHandler, err := handlerOf(ctx, args[0], option)
	if err != nil {
		return err
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return errors.Join(err, closeHandler())
	}
	server := http.Server{Handler: collecting(handler)}
	serve := server.Serve
	if option == "tls" {
		certificate, err := selfSigned()
		if err != nil {
			return errors.Join(err, closeHandler(), listener.Close())
		}
		server.TLSConfig = &tls.Config{Certificates: []tls.Certificate{certificate}}
		serve = func(l net.Listener) error { return server.ServeTLS(websocket.NewListener(l), "", "") }
	}
	done := make(chan error, 1)
	go func() { done <- serve(listener) }()
	fmt.Fprintln(stdout, listener.Addr())
	_, err = io.Copy(io.Discard, stdin)
	err = errors.Join(err, server.Close())
	if serveErr := <-done; !errors.Is(serveErr, http.ErrServerClosed) {
		err = errors.Join(err, serveErr)
	}
	return errors.Join(err, closeHandler())
}

// collectPath makes a server in this executable collect garbage and return
// memory to the system, so that memory used at its start is not counted.
const collectPath = "/collect"

func collecting(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == collectPath {
			for range 3 { // the second collection empties sync.Pools
				debug.FreeOSMemory()
			}
			return
		}
		next.ServeHTTP(w, r)
	})
}

// Collect makes the server collect garbage if it runs in this executable.
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
	response, err := c.Do(r)
	if err != nil {
		return err
	}
	if err := response.Body.Close(); err != nil || response.StatusCode == http.StatusOK {
		return err
	}
	return fmt.Errorf("sockets: %s: expected 200, found %s", collectPath, response.Status)
}

func handlerOf(ctx context.Context, kind, upstream string) (http.Handler, func() error, error) {
	switch kind {
	case Gobwas:
		return gobwasHandler(), func() error { return nil }, nil
	case edgeHandler, edgeConsumer, Relay:
		h, err := startEdge(ctx, kind, upstream)
		if err != nil {
			return nil, nil, err
		}
		handler, end := websocketsOnly(h)
		return handler, end, nil
	}
	return nil, nil, fmt.Errorf("%s: expected %s, %s, %s or %s, found %q", ServeCommand, Gobwas, edgeHandler, edgeConsumer, Relay, kind)
}

// selfSigned returns a certificate for host, which clients do not verify.
func selfSigned() (tls.Certificate, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return tls.Certificate{}, err
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(1), DNSNames: []string{host}, NotAfter: time.Now().Add(24 * time.Hour)}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}, err
}
