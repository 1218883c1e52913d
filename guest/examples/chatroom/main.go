// Command chatroom is a guest that routes like the default one and serves chat
// rooms on websocket routes with a parameter "room". A room is a group of the
// tenant: tenants do not share rooms of the same name. Django processes can send to
// it:
//
//	await channel_layer.group_send("acme.room_lobby", {"type": "chat.message", "text": "hello"})
//
// A client that sends nothing for an hour is disconnected.
//
//	GOOS=wasip1 GOARCH=wasm go build -buildmode=c-shared -o chatroom.wasm ./guest/examples/chatroom
package main

import (
	"github.com/tenantedge/tenantedge/guest"
)

func init() { guest.Serve(guest.Handlers{Consumer: guest.Consume(chatroom{})}) }

func main() {}

const (
	idleTimeout = 60 * 60 * 1000 // milliseconds
	maxMessage  = 4 << 10        // bytes
	policy      = 1008
	goingAway   = 1001
)

type chatroom struct{ guest.NopConsumer }

// Open adds the client to the room's group and keeps the group as the state.
func (chatroom) Open(s *guest.Socket, h *guest.Handshake) {
	room := h.Kwarg("room")
	if !isName(room) {
		h.Reject(404)
		return
	}
	group := "room_" + room
	s.GroupAdd(group)
	s.SetState(group)
	s.SetTimer(idleTimeout)
	s.GroupSend(group, chatMessage("someone came in"))
}

// Message sends the client's message to the room.
func (chatroom) Message(s *guest.Socket, m guest.Message) {
	if m.Binary || len(m.Data) > maxMessage {
		s.Close(policy, "expected a short text")
		return
	}
	s.SetTimer(idleTimeout)
	s.GroupSend(s.State, chatMessage(m.Text()))
}

// Group sends a message of the room to the client.
func (chatroom) Group(s *guest.Socket, e *guest.Event) {
	if text, ok := e.Text("text"); ok && e.Type() == "chat.message" {
		s.SendText(text)
	}
}

// Timer closes an idle connection.
func (chatroom) Timer(s *guest.Socket) { s.Close(goingAway, "idle for an hour") }

// Close tells the room that the client left.
func (chatroom) Close(s *guest.Socket, _ int, _ string) {
	s.GroupSend(s.State, chatMessage("someone left"))
}

func chatMessage(text string) *guest.Event {
	return guest.NewEvent("chat.message").WithText("text", text)
}

// isName reports whether room is valid in a group's name.
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
