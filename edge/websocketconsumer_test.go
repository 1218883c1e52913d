package edge

import (
	"testing"

	"github.com/tenantedge/tenantedge/edge/internal/sockets"
	"github.com/tenantedge/tenantedge/edge/internal/wasm/wasmtest"
	"github.com/tenantedge/tenantedge/edge/websocket"
	"github.com/tenantedge/tenantedge/guest/abi"
)

func TestTheGuestMayHandleARoute(t *testing.T) {
	w := newSocketWorld(t, nil, func(c *Config) {
		c.Guest = wasmtest.Guest(t, "guest/examples/echo")
		table, targets := routes(func(string) websocket.Target { return websocket.Target{Consumer: true} }, "echo/ echo")
		c.GuestConfig.WSURLConfs = map[string][]abi.WSRoute{"ws": table}
		c.Websockets = websocket.Config{Targets: map[string]map[string]websocket.Target{"ws": targets}}
	})
	c := w.open("acme.example.com", "/echo/")
	sends(t, c, "hello")
	receives(t, c, "hello")
	if s := w.host.WebsocketStats(); s.Consumers.Open != 1 {
		t.Errorf("the statistics are %+v", s)
	}
	if err := c.Close(sockets.CodeNormal, ""); err != nil {
		t.Fatal(err)
	}
	isClosed(t, c, sockets.CodeNormal)
	w.eventually("the guest's socket is closed", func() bool { return w.host.WebsocketStats().Consumers.Open == 0 })
}
