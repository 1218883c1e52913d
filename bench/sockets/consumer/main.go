// Command consumer is the guest of the websocket benchmark: an echo and a group.
package main

import (
	"strings"

	"github.com/tenantedge/tenantedge/guest"
)

func init() {
	guest.Serve(guest.Handlers{Consumer: guest.Consume(guest.ByRoute{"echo": echo{}, "group": group{}})})
}

func main() {}

type echo struct{ guest.NopConsumer }

func (echo) Message(s *guest.Socket, m guest.Message) { s.Send(m) }

type group struct{ guest.NopConsumer }

// Open greets a client, which then knows that it is a member. The response of the
// handshake comes earlier.
func (group) Open(s *guest.Socket, _ *guest.Handshake) {
	s.GroupAdd("bench")
	s.SendText(strings.Repeat("x", 64))
}

func (group) Message(s *guest.Socket, m guest.Message) {
	s.GroupSend("bench", guest.NewEvent("websocket.send").WithText("text", m.Text()))
}
