package sockets

import (
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"time"

	"github.com/tenantedge/tenantedge/edge"
	"github.com/tenantedge/tenantedge/edge/websocket"
	"github.com/tenantedge/tenantedge/guest/abi"
)

// Kinds of our own server, by the consumer of its sockets.
const (
	edgeHandler  = "edge-handler"
	edgeConsumer = "edge-consumer"
	Relay        = "edge-upstream" // relays to gobwas/ws
)

// startEdge returns a Host with one tenant and both routes. For the kind
// Relay, upstream is the address of the server.
func startEdge(ctx context.Context, kind, upstream string) (*edge.Host, error) {
	target := map[string]websocket.Target{
		edgeHandler:  {Handler: "bench"},
		edgeConsumer: {Consumer: true},
		Relay:        {Upstream: &url.URL{Scheme: "ws", Host: upstream}},
	}[kind]
	echoPath, groupPath := EchoPath[1:], GroupPath[1:]
	config := edge.Config{
		GuestConfig: abi.Config{
			Tenants:    []abi.StaticTenant{{Schema: "bench", Domains: []string{host}, WSURLConf: "ws"}},
			WSURLConfs: map[string][]abi.WSRoute{"ws": {{Path: &echoPath, Name: "echo"}, {Path: &groupPath, Name: "group"}}},
		},
		Websockets: websocket.Config{
			Targets:  map[string]map[string]websocket.Target{"ws": {"echo": target, "group": target}},
			Handlers: map[string]websocket.Handler{"bench": handler{}},
			// Clients share the cores with the server and may read late; they expect
			// no pings.
			Limits: websocket.Limits{Queue: 4 << 20, PingInterval: time.Hour},
		},
		Logger: slog.New(slog.DiscardHandler),
	}
	if kind == edgeConsumer {
		guest, err := buildConsumer(ctx)
		if err != nil {
			return nil, err
		}
		config.Guest = guest
	}
	return edge.New(ctx, config)
}

// websocketsOnly returns the Host as a handler, and a function that closes it.
func websocketsOnly(h *edge.Host) (http.Handler, func() error) {
	return h.Middleware(http.NotFoundHandler()), h.Close
}

// handler implements the echo and the group in Go.
type handler struct{}

func (handler) Connect(r *websocket.Request) (websocket.Consumer, error) {
	if r.Route == "echo" {
		return echo{}, nil
	}
	return group{}, nil
}

type quiet struct{}

func (quiet) Open(*websocket.Conn)                {}
func (quiet) Closed(*websocket.Conn, int, string) {}

type echo struct{ quiet }

func (echo) Message(s *websocket.Conn, kind websocket.Kind, payload []byte) {
	_ = s.Send(kind, payload) // fails only if the connection is closed
}

type group struct{ quiet }

func (group) Open(s *websocket.Conn) {
	if s.Groups().Add(context.Background(), "bench") != nil {
		_ = s.Close(1011, "") // a socket outside of the group would distort the figures
		return
	}
	_ = s.Send(websocket.Text, []byte(text)) // fails only if the connection is closed
}

func (group) Message(s *websocket.Conn, _ websocket.Kind, payload []byte) {
	if s.Groups().SendText(context.Background(), "bench", string(payload)) != nil {
		_ = s.Close(1011, "")
	}
}

// buildConsumer builds the guest in the folder consumer.
func buildConsumer(ctx context.Context) ([]byte, error) {
	dir, err := os.MkdirTemp("", "bench-consumer-")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(dir)
	out := filepath.Join(dir, "guest.wasm")
	build := exec.CommandContext(ctx, "go", "build", "-buildmode=c-shared", "-trimpath", "-buildvcs=false", "-ldflags=-s -w -buildid=",
		"-o", out, "github.com/tenantedge/tenantedge/bench/sockets/consumer")
	build.Env = append(os.Environ(), "GOOS=wasip1", "GOARCH=wasm", "CGO_ENABLED=0", "GOFLAGS=")
	if text, err := build.CombinedOutput(); err != nil {
		return nil, fmt.Errorf("sockets: building the guest: %w\n%s", err, text)
	}
	return os.ReadFile(out)
}
