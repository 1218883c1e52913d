// Command chatroom is a guest that routes as the default one does, and has chat
// rooms for the websocket routes that give a value "room". A room is a group of
// the tenant, so that rooms of the same name belong to different tenants, and
// Django processes can take part:
//
//	await channel_layer.group_send("acme.room_lobby", {"type": "chat.message", "text": "hello"})
//
// Who says nothing for an hour is sent away.
//
//	GOOS=wasip1 GOARCH=wasm go build -buildmode=c-shared -o chatroom.wasm ./guest/examples/chatroom
package main

import (
	"time"

	"github.com/tenantedge/tenantedge/guest"
)

func init() { guest.Serve(guest.Handlers{Consumer: chatroom{}}) }

func main() {}

const (
	patience  = time.Hour
	longest   = 4 << 10 // bytes of a message
	policy    = 1008
	goingAway = 1001
)

type chatroom struct{ guest.Quiet }

// Open lets a client into the room, whose group is all that the other events
// need to know.
func (chatroom) Open(s *guest.Socket, h *guest.Handshake) {
	room := h.Kwarg("room")
	if !isName(room) {
		h.Refuse(404)
		return
	}
	group := "room_" + room
	s.Add(group)
	s.SetState(group)
	s.SetTimer(patience)
	s.GroupSend(group, said("someone came in"))
}

// Message says to the room what the client says.
func (chatroom) Message(s *guest.Socket, m guest.Message) {
	if m.Binary || len(m.Data) > longest {
		s.Close(policy, "expected a short text")
		return
	}
	s.SetTimer(patience)
	s.GroupSend(s.State, said(m.Text()))
}

// Group hears what is said in the room, be it by a Django process.
func (chatroom) Group(s *guest.Socket, e *guest.Event) {
	if text, ok := e.Text("text"); ok && e.Type() == "chat.message" {
		s.SendText(text)
	}
}

// Timer comes when the client was silent for too long.
func (chatroom) Timer(s *guest.Socket) { s.Close(goingAway, "you are asleep") }

// Close tells the others.
func (chatroom) Close(s *guest.Socket, _ int, _ string) {
	s.GroupSend(s.State, said("someone left"))
}

func said(text string) *guest.Event { return guest.NewEvent("chat.message").WithText("text", text) }

// isName reports whether a room can be part of a group's name.
func isName(room string) bool {
	for _, c := range room {
		switch {
		case 'a' <= c && c <= 'z', 'A' <= c && c <= 'Z', '0' <= c && c <= '9', c == '-', c == '_':
		default:
			return false
		}
	}
	return room != "" && len(room) <= 30
}
