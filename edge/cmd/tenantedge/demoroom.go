package main

import (
	"context"
	"fmt"

	"github.com/tenantedge/tenantedge/edge/websocket"
)

// demoRoom is a chat room for each name, each tenant having its own.
type demoRoom struct{}

// Connect lets everybody in.
func (demoRoom) Connect(r *websocket.Request) (websocket.Consumer, error) {
	return visitor{"room-" + r.Value("room")}, nil
}

// visitor is somebody in a room.
type visitor struct{ group string }

// Open enters the room.
func (v visitor) Open(s *websocket.Conn) {
	if err := s.Groups().Add(context.Background(), v.group); err != nil {
		_ = s.Close(1011, "") // it may have gone already
		return
	}
	v.tell(s, "has come")
}

// Message says it to all.
func (v visitor) Message(s *websocket.Conn, _ websocket.Kind, text []byte) {
	v.tell(s, "says "+string(text))
}

// Closed says so to the others.
func (v visitor) Closed(s *websocket.Conn, _ int, _ string) { v.tell(s, "has gone") }

func (v visitor) tell(s *websocket.Conn, what string) {
	text := fmt.Sprintf("%s: guest %d %s", s.Schema(), s.ID(), what)
	_ = s.Groups().SendText(context.Background(), v.group, text) // a layer in memory does not fail
}

var (
	_ websocket.Handler  = demoRoom{}
	_ websocket.Consumer = visitor{}
)
