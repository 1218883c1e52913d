// Command consumer is the guest of the benchmark: an echo, and a group.
package main

import "github.com/tenantedge/tenantedge/guest"

func init() {
	guest.Serve(guest.Handlers{Consumer: guest.ByRoute{"echo": echo{}, "group": group{}}})
}

func main() {}

type echo struct{ guest.Quiet }

func (echo) Message(s *guest.Socket, m guest.Message) { s.Send(m) }

type group struct{ guest.Quiet }

func (group) Open(s *guest.Socket, _ *guest.Handshake) { s.Add("bench") }

func (group) Message(s *guest.Socket, m guest.Message) {
	s.GroupSend("bench", guest.NewEvent("websocket.send").WithText("text", m.Text()))
}
