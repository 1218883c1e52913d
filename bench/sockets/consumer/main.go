// Command consumer is the guest of the benchmark: an echo, and a group.
package main

import (
	"strings"

	"github.com/tenantedge/tenantedge/guest"
)

func init() {
	guest.Serve(guest.Handlers{Consumer: guest.ByRoute{"echo": echo{}, "group": group{}}})
}

func main() {}

type echo struct{ guest.Quiet }

func (echo) Message(s *guest.Socket, m guest.Message) { s.Send(m) }

type group struct{ guest.Quiet }

// Open tells a client that it is a member: the answer of the handshake does
// not.
func (group) Open(s *guest.Socket, _ *guest.Handshake) {
	s.Add("bench")
	s.SendText(strings.Repeat("x", 64))
}

func (group) Message(s *guest.Socket, m guest.Message) {
	s.GroupSend("bench", guest.NewEvent("websocket.send").WithText("text", m.Text()))
}
