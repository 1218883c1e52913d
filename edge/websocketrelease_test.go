package edge

import (
	"errors"
	"fmt"
	"testing"

	"github.com/tenantedge/tenantedge/edge/websocket"
	"github.com/tenantedge/tenantedge/tenantdb"
)

// routesInUse returns the number of pairs of tenant and route that have a websocket of a
// Handler.
func routesInUse(h *Host) int { return h.WebsocketStats().Routes }

func TestStateThatSocketsOfATenantShareIsReleasedWithTheLast(t *testing.T) {
	w := newSocketWorld(t, map[string]websocket.Handler{
		"echo":    stubHandler{},
		"rejects": stubHandler{connect: func(*websocket.Request) error { return &websocket.Rejection{Status: 403, Reason: "not today"} }},
		"fails":   stubHandler{connect: func(*websocket.Request) error { return errors.New("it fails") }},
		"panics":  stubHandler{connect: func(*websocket.Request) error { panic("it panics") }},
		"dies":    stubHandler{closed: func(int, string) { panic("at the end") }},
	}, func(c *Config) {
		var changes []tenantdb.Change
		for i := range 20 {
			name := fmt.Sprint("many", i)
			changes = append(changes, tenantdb.Change{
				Tenant:  tenantdb.Tenant{ID: fmt.Sprint(100 + i), Schema: name},
				Domains: []tenantdb.Domain{{TenantID: fmt.Sprint(100 + i), Domain: name + ".example.com", IsPrimary: true}},
			})
		}
		if report := c.Directory.Apply(changes); len(report.Problems) > 0 {
			t.Fatal(report.Problems)
		}
	})
	for i := range 20 {
		host := fmt.Sprintf("many%d.example.com", i)
		first, second := w.open(host, "/echo/a/1/"), w.open(host, "/echo/b/2/")
		if n := routesInUse(w.host); n != 1 {
			t.Fatalf("two sockets of one tenant and route have %d endpoints", n)
		}
		_ = first.Drop()
		sends(t, second, "still here")
		receives(t, second, "still here")
		_ = second.Drop()
		for route, status := range map[string]int{"rejects": 403, "fails": 500, "panics": 500} {
			if got, _ := w.status(host, "/"+route+"/a/1/"); got != status {
				t.Errorf("%s: the handshake got status %d, expected %d", route, got, status)
			}
		}
		_ = w.open(host, "/dies/a/1/").Drop()
		w.eventually("the endpoints are released", func() bool { return routesInUse(w.host) == 0 })
	}
}
