package edge

import (
	"errors"
	"fmt"
	"testing"

	"github.com/tenantedge/tenantedge/edge/websocket"
	"github.com/tenantedge/tenantedge/tenantdb"
)

// places returns the number of pairs of tenant and route that have a websocket of a
// Handler.
func places(h *Host) int { return h.WebsocketStats().Routes }

func TestWhatSocketsOfATenantShareGoesWithTheLastOfThem(t *testing.T) {
	w := newSocketWorld(t, map[string]websocket.Handler{
		"echo":    played{},
		"refuses": played{connect: func(*websocket.Request) error { return &websocket.Rejection{Status: 403, Reason: "not today"} }},
		"fails":   played{connect: func(*websocket.Request) error { return errors.New("it fails") }},
		"panics":  played{connect: func(*websocket.Request) error { panic("it panics") }},
		"dies":    played{closed: func(int, string) { panic("at the end") }},
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
		first, second := w.enter(host, "/echo/a/1/"), w.enter(host, "/echo/b/2/")
		if n := places(w.host); n != 1 {
			t.Fatalf("two sockets of one tenant and route have %d consumer contexts", n)
		}
		_ = first.Drop()
		says(t, second, "still here")
		hears(t, second, "still here")
		_ = second.Drop()
		for route, status := range map[string]int{"refuses": 403, "fails": 500, "panics": 500} {
			if got, _ := w.refused(host, "/"+route+"/a/1/"); got != status {
				t.Errorf("%s: the handshake got status %d, expected %d", route, got, status)
			}
		}
		_ = w.enter(host, "/dies/a/1/").Drop()
		w.eventually("the consumer contexts are released", func() bool { return places(w.host) == 0 })
	}
}
