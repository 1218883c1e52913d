// Command depending is a guest that routes like the default one. Requests for /?asks need
// an answer of the database, and websockets at /room/ join a group.
package main

import (
	"strings"

	"github.com/tenantedge/tenantedge/guest"
	"github.com/tenantedge/tenantedge/guest/abi"
	"github.com/tenantedge/tenantedge/guest/query"
)

func init() {
	guest.Serve(guest.Handlers{Configure: configure, Route: route, Consumer: guest.Consume(consumer{})})
}

func main() {}

var byDefault guest.Default

func configure(c *abi.Config) (abi.Configured, error) {
	return byDefault.Configure(c, abi.Configured{Name: "depending"})
}

func route(r *guest.Request, d *guest.Decision) {
	byDefault.Route(r, d)
	if strings.HasPrefix(r.Target, "/?asks") && d.Outcome == abi.Tenant {
		if _, err := query.Rows(d.Schema, "one"); err != nil {
			panic("asking the database: " + err.Error())
		}
	}
}

type consumer struct{ guest.NopConsumer }

// Open answers when the client has joined the group of /room/.
func (consumer) Open(s *guest.Socket, h *guest.Handshake) {
	if strings.HasPrefix(h.Path, "/room/") {
		s.GroupAdd("room")
	}
	s.SendText("open")
}

// Message answers directly, or through the group.
func (consumer) Message(s *guest.Socket, m guest.Message) {
	if m.Text() == "group" {
		s.GroupSend("room", guest.NewEvent("chat.message").WithText("text", "from the group"))
		return
	}
	s.SendText(m.Text())
}

// Group sends a message of the group to the client.
func (consumer) Group(s *guest.Socket, e *guest.Event) {
	if text, ok := e.Text("text"); ok {
		s.SendText(text)
	}
}
