//go:build unix

package serve

import (
	"context"
	"errors"
	"net"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"strings"
	"testing"

	"github.com/tenantedge/tenantedge/edge/channel/redis"
	"github.com/tenantedge/tenantedge/edge/channel/redistest"
	"github.com/tenantedge/tenantedge/edge/internal/sockets"
	"github.com/tenantedge/tenantedge/edge/websocket"
	"github.com/tenantedge/tenantedge/guest/abi"
)

// python is the interpreter for which Debian packages Django Channels.
const python = "/usr/bin/python3"

// daphne starts testdata/channels_app.py and returns its address.
func daphne(t *testing.T, redisURL, prefix string) *url.URL {
	t.Helper()
	if out, err := exec.Command(python, "-c", "import channels, channels_redis.core, daphne").CombinedOutput(); err != nil {
		t.Logf("%v: %s", err, out)
		t.Skip("Daphne and Django Channels are not installed for " + python + ": install Debian's python3-daphne, python3-django-channels and python3-channels-redis")
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	file, err := l.(*net.TCPListener).File()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(python, "testdata/channels_app.py", "3", redisURL, prefix)
	cmd.Stderr = os.Stderr
	cmd.ExtraFiles = []*os.File{file}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	_ = file.Close()
	address := l.Addr().String()
	_ = l.Close() // the process has a copy: connections wait until it accepts them
	t.Cleanup(func() {
		_ = cmd.Process.Kill() // it may have exited
		_ = cmd.Wait()
	})
	return &url.URL{Scheme: "ws", Host: address}
}

// member is a handler whose websockets join the group chat.
type member struct{ echoes }

func (member) Connect(*websocket.Request) (websocket.Consumer, error) { return member{}, nil }
func (member) Open(s *websocket.Conn) {
	if err := s.Groups().Add(context.Background(), "chat"); err != nil {
		_ = s.Close(1011, "")
		return
	}
	_ = s.Send(websocket.Text, []byte("in"))
}
func (member) Message(s *websocket.Conn, _ websocket.Kind, text []byte) {
	_ = s.Groups().SendText(context.Background(), "chat", string(text))
}

// Websockets of Django behind the edge and websockets of the edge share the
// groups of their tenant, and no groups of other tenants.
func TestDjangoChannelsBehindTheEdge(t *testing.T) {
	server := redistest.Start(t)
	prefix := redistest.Prefix()
	app := daphne(t, server.URL(), prefix)
	layer, err := redis.NewCore(redis.Config{Hosts: []string{server.URL()}, Prefix: prefix})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = layer.Close() })
	relay, room := "relay/<str:room>/", "room/"
	w := start(t, func(s *setup) {
		s.edge.GuestConfig.Default.WSURLConf = "ws"
		s.edge.Channels = layer
		s.edge.GuestConfig.WSURLConfs = map[string][]abi.WSRoute{"ws": {{Path: &relay, Name: "relay"}, {Path: &room, Name: "room"}}}
		s.edge.Websockets = websocket.Config{
			Targets:  map[string]map[string]websocket.Target{"ws": {"relay": {Upstream: app}, "room": {Handler: "room"}}},
			Handlers: map[string]websocket.Handler{"room": member{}},
			Limits:   websocket.Limits{HandshakeTimeout: patience}, // Django starts slowly
		}
	})
	hear := func(c *sockets.Client, want string) {
		t.Helper()
		if _, got, err := c.Read(); err != nil || string(got) != want {
			t.Fatalf("received %q, %v, expected %q", got, err, want)
		}
	}
	up, err := w.websocket("/relay/lobby/", "Sec-WebSocket-Protocol", "other, chat", "Tenant", "umbra")
	if err != nil {
		t.Fatal(err)
	}
	django, here := sockets.NewClient(up, 1<<20), w.client("/room/")
	if up.Protocol() != "chat" {
		t.Errorf("the subprotocol is %q", up.Protocol())
	}
	hear(django, `{"path": "/relay/lobby/", "tenant": "acme"}`)
	hear(here, "in")
	for _, from := range []*sockets.Client{django, here} {
		if err := from.Write(sockets.Text, []byte("hé😀")); err != nil {
			t.Fatal(err)
		}
		hear(django, "hé😀")
		hear(here, "hé😀")
	}
	large := strings.Repeat("x", 300_000) // in one frame, larger than the buffers
	if err := django.Write(sockets.Binary, []byte(large)); err != nil {
		t.Fatal(err)
	}
	hear(django, large)
	if err := django.Write(sockets.Text, []byte("bye")); err != nil {
		t.Fatal(err)
	}
	var closed *sockets.CloseError
	if _, got, err := django.Read(); !errors.As(err, &closed) || closed.Code != 4000 {
		t.Errorf("Django's close code arrived as %q, %v", got, err)
	}
	hear(here, "left with 4000")
	var refused *sockets.StatusError
	if _, err := w.websocket("/relay/closed/"); !errors.As(err, &refused) || refused.Response.StatusCode != http.StatusForbidden {
		t.Errorf("a handshake that Django rejects gets %v", err)
	} else {
		refused.Response.Body.Close()
	}
}
