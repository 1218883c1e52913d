package sockets

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"

	"github.com/tenantedge/tenantedge/bench/process"
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
}

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
		{Name: Gobwas, Title: "gobwas/ws, a goroutine per connection", start: itself(Gobwas)},
		{Name: Daphne, Title: "daphne, channels_redis", Prepare: daphneVersion, start: daphne("channels_redis.core.RedisChannelLayer")},
		{Name: Daphne + "-pubsub", Title: "daphne, channels_redis by pub/sub", Prepare: daphneVersion, start: daphne("channels_redis.pubsub.RedisPubSubChannelLayer")},
	}
}

// Start starts a server and waits until it takes connections.
func (e Entry) Start(ctx context.Context) (*Server, error) {
	s, t, err := e.start(ctx)
	if err != nil {
		return nil, fmt.Errorf("sockets: %s: %w", e.Name, err)
	}
	return &Server{s, t}, nil
}

// itself starts this program as a server.
func itself(kind string) func(context.Context) (*process.Server, Target, error) {
	return func(ctx context.Context) (*process.Server, Target, error) {
		c, end, err := process.Itself(ctx, ServeCommand, kind)
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

// host is the domain of the one tenant that sockets are of.
const host = "tenant.example.org"

// Serve serves one kind of server on a loopback port, which it writes to
// stdout, until stdin ends.
func Serve(ctx context.Context, args []string, stdin io.Reader, stdout io.Writer) error {
	if len(args) != 1 {
		return fmt.Errorf("%s: expected a kind of server", ServeCommand)
	}
	handler, closeHandler, err := handlerOf(ctx, args[0])
	if err != nil {
		return err
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return errors.Join(err, closeHandler())
	}
	server := http.Server{Handler: handler}
	done := make(chan error, 1)
	go func() { done <- server.Serve(listener) }()
	fmt.Fprintln(stdout, listener.Addr())
	_, err = io.Copy(io.Discard, stdin)
	err = errors.Join(err, server.Close())
	if served := <-done; !errors.Is(served, http.ErrServerClosed) {
		err = errors.Join(err, served)
	}
	return errors.Join(err, closeHandler())
}

func handlerOf(_ context.Context, kind string) (http.Handler, func() error, error) {
	nothing := func() error { return nil }
	switch kind {
	case Gobwas:
		return gobwasHandler(), nothing, nil
	}
	return nil, nil, fmt.Errorf("%s: no server is called %q", ServeCommand, kind)
}
