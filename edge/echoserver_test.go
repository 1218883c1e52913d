package edge

import (
	"context"
	"net/http"
	"net/http/httptest"
	"net/url"
	"testing"

	"github.com/tenantedge/tenantedge/edge/internal/sockets"
)

// serveSockets serves h so that idle websockets need no goroutine.
func serveSockets(h http.Handler) *httptest.Server {
	server := unstarted(h)
	server.Start()
	return server
}

func unstarted(h http.Handler) *httptest.Server {
	server := httptest.NewUnstartedServer(h)
	server.Listener = sockets.Listen(server.Listener)
	return server
}

// goEcho is a handler of a hub that echoes messages.
type goEcho struct{}

func (goEcho) Open(*sockets.Conn) {}
func (goEcho) Message(c *sockets.Conn, op sockets.Op, payload []byte) {
	_ = c.Send(op, payload)
}
func (goEcho) Closed(*sockets.Conn, sockets.Code, string) {}

// echoOn serves goEcho on a hub.
func echoOn(hub *sockets.Hub) http.Handler {
	return http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		_, _ = hub.Accept(rw, r, sockets.Options{Tenant: "acme", Handler: goEcho{}, AllowNoOrigin: true})
	})
}

// echoServer is a hub with goEcho and nothing else: an upstream, or the baseline of
// benchmarks.
type echoServer struct {
	server *httptest.Server
	hub    *sockets.Hub
	url    *url.URL
}

func newEchoServer(t testing.TB) *echoServer {
	t.Helper()
	hub, err := sockets.New(sockets.Config{})
	if err != nil {
		t.Fatal(err)
	}
	server := httptest.NewServer(echoOn(hub))
	u, err := url.Parse(server.URL)
	if err != nil {
		t.Fatal(err)
	}
	return &echoServer{server, hub, u}
}

// close waits for websockets to close until ctx ends, and then drops them.
func (s *echoServer) close(ctx context.Context) {
	s.server.Close()
	_ = s.hub.Shutdown(ctx)
}

func canceled() context.Context {
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	return ctx
}
