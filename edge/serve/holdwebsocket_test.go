package serve

import (
	"errors"
	"io"
	"net/http"
	"testing"

	"github.com/tenantedge/tenantedge/edge/config"
	"github.com/tenantedge/tenantedge/edge/internal/sockets"
	"github.com/tenantedge/tenantedge/edge/websocket"
	"github.com/tenantedge/tenantedge/guest/abi"
)

// withPlacedWebsockets serves the routes of withWebsockets for the tenants of the
// cells eu1 and us1.
func withPlacedWebsockets(t *testing.T) func(*setup) {
	add := withWebsockets(t)
	return func(s *setup) {
		add(s)
		d, tables, targets := s.edge.GuestConfig.Default, s.edge.GuestConfig.WSURLConfs, s.edge.Websockets.Targets
		d.WSURLConf = ""
		d.WSURLConfBy = &abi.Choice{Attribute: "cell", Values: map[string]string{"eu1": "ws-eu1", "us1": "ws-us1"}}
		s.edge.GuestConfig.WSURLConfs = map[string][]abi.WSRoute{"ws-eu1": tables["ws"], "ws-us1": tables["ws"]}
		s.edge.Websockets.Targets = map[string]map[string]websocket.Target{"ws-eu1": targets["ws"], "ws-us1": targets["ws"]}
	}
}

func (c *cells) echoes(client *sockets.Client) {
	c.Helper()
	if err := client.Write(sockets.Text, []byte("hello")); err != nil {
		c.Fatal(err)
	}
	if _, got, err := client.Read(); err != nil || string(got) != "hello" {
		c.Fatalf("read %q, %v", got, err)
	}
}

func (c *cells) closedWith(client *sockets.Client, code sockets.Code) {
	c.Helper()
	var closed *sockets.CloseError
	if _, got, err := client.Read(); !errors.As(err, &closed) || closed.Code != code {
		c.Errorf("read %q, %v, want the code %d", got, err, code)
	}
	_ = client.Drop()
}

func TestWebsocketsOfAMovedTenantAreClosedWith1012(t *testing.T) {
	c := startCells(t, long, withPlacedWebsockets(t))
	relayed, handled := c.client("/relay/"), c.client("/echo/")
	c.echoes(relayed)
	c.echoes(handled)
	if r, _ := c.server.Tenant("acme"); r.Websockets != 1 {
		t.Errorf("the report is %+v, want one relayed websocket", r)
	}
	c.place("umbra", "us1", "") // another tenant
	c.echoes(relayed)
	c.place("acme", "us1", "")
	c.closedWith(relayed, sockets.CodeRestart)
	c.echoes(handled)
	again := c.client("/relay/")
	c.echoes(again)
	c.place("acme", "us1", "suspended")
	c.closedWith(again, sockets.CodeRestart)
	c.echoes(handled)
	c.eventually("both are counted", func() bool { return c.server.Host().WebsocketStats().Moved == 2 })
	c.eventually("no websocket is relayed", func() bool { r, _ := c.server.Tenant("acme"); return r.Websockets == 0 })
}

func TestAHandshakeOfATenantOutOfServiceWaitsOrGetsThePage(t *testing.T) {
	for name, change := range map[string]func(*setup){"routes": withPlacedWebsockets(t), "passing": func(*setup) {}} {
		c := startCells(t, long, change)
		c.place("acme", "eu1", "suspended")
		var refused *sockets.StatusError
		if _, err := c.websocket("/relay/"); !errors.As(err, &refused) || refused.Response.StatusCode != http.StatusPaymentRequired {
			t.Errorf("%s: suspended: %v", name, err)
		} else {
			refused.Response.Body.Close()
		}
		if _, err := c.websocket("/relay/", "Origin", "https://evil.example.net"); !errors.As(err, &refused) || refused.Response.StatusCode != http.StatusForbidden {
			t.Errorf("%s: of another origin: %v", name, err)
		} else {
			refused.Response.Body.Close()
		}
		if name == "passing" {
			continue // its applications serve no websockets
		}
		c.place("acme", "eu1", "moving")
		opened := make(chan *sockets.Client)
		go func() { opened <- c.client("/relay/") }()
		c.waits(1)
		c.place("acme", "us1", "")
		c.echoes(<-opened)
	}
}

func TestATunnelOfAMovedTenantIsClosedWith1012(t *testing.T) {
	c := startCells(t, long, withApp(uppercaseEcho), func(s *setup) {
		// "app" has its upstream only later.
		s.edge.GuestConfig.Default.URLConfBy.Values["eu1"] = "app"
		s.options.URLConfs["app"] = config.URLConf{}
	})
	conn, in := c.upgrade()
	if r, _ := c.server.Tenant("acme"); r.InProgress != 1 {
		t.Errorf("the report is %+v, want one in progress", r)
	}
	c.place("umbra", "us1", "")
	c.place("acme", "eu1", "moving")
	if rest, err := io.ReadAll(in); string(rest) != "\x88\x02\x03\xf4" {
		t.Errorf("read %q, %v, expected 1012", rest, err)
	}
	_ = conn.Close()
	c.eventually("none is in progress", func() bool { r, _ := c.server.Tenant("acme"); return r.InProgress == 0 })
}
