package edge

import (
	"context"
	"net/http"
	"net/http/httptest"
	"net/url"
	"testing"

	"github.com/tenantedge/tenantedge/edge/internal/sockets"
)

// serveSockets serves h where idle websockets need no goroutine.
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

// goEcho is a handler that sends back what it hears, with nothing around it.
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

// echoServer is a bare hub of goEcho: an upstream, or what others are measured
// beside.
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

// close lets websockets end for as long as ctx does.
func (s *echoServer) close(ctx context.Context) {
	s.server.Close()
	_ = s.hub.Shutdown(ctx) // what is left is dropped
}

func canceled() context.Context {
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	return ctx
}
