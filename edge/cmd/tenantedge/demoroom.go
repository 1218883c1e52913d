package main

import (
	"context"
	"fmt"

	"github.com/tenantedge/tenantedge/edge/websocket"
)

// demoRoom serves chat rooms by name. Each tenant has its own rooms.
type demoRoom struct{}

// Connect accepts every client.
func (demoRoom) Connect(r *websocket.Request) (websocket.Consumer, error) {
	return visitor{"room-" + r.Value("room")}, nil
}

// visitor is a client in a room.
type visitor struct{ group string }

// Open enters the room.
func (v visitor) Open(s *websocket.Conn) {
	if err := s.Groups().Add(context.Background(), v.group); err != nil {
		_ = s.Close(1011, "") // the client may have disconnected
		return
	}
	v.send(s, "joined")
}

// Message sends the text to everyone in the room.
func (v visitor) Message(s *websocket.Conn, _ websocket.Kind, text []byte) {
	v.send(s, "says "+string(text))
}

// Closed tells the others that the visitor has left.
func (v visitor) Closed(s *websocket.Conn, _ int, _ string) { v.send(s, "left") }

func (v visitor) send(s *websocket.Conn, what string) {
	text := fmt.Sprintf("%s: visitor %d %s", s.Schema(), s.ID(), what)
	_ = s.Groups().SendText(context.Background(), v.group, text) // a layer in memory does not fail
}

var (
	_ websocket.Handler  = demoRoom{}
	_ websocket.Consumer = visitor{}
)
