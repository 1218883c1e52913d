package edge

import (
	"errors"
	"fmt"
	"testing"

	"github.com/tenantedge/tenantedge/edge/channel"
	"github.com/tenantedge/tenantedge/edge/internal/sockets"
	"github.com/tenantedge/tenantedge/edge/websocket"
)

// Group messages for clients are ASGI's events: a close keeps its reason, and messages
// that cannot be sent are counted.
func TestGroupMessagesForClientsAreReadAsASGIDoes_E3(t *testing.T) {
	const text, binary = sockets.Text, sockets.Binary
	for _, c := range []struct {
		name      string
		message   map[string]any
		op        sockets.Op
		payload   string
		close     sockets.Code
		reason    string
		malformed bool
	}{
		{name: "text", message: map[string]any{"type": "websocket.send", "text": "hi"}, op: text, payload: "hi"},
		{name: "empty text", message: map[string]any{"type": "websocket.send", "text": ""}, op: text},
		{name: "bytes", message: map[string]any{"type": "websocket.send", "bytes": []byte("\x00")}, op: binary, payload: "\x00"},
		{name: "bytes with a nil text", message: map[string]any{"type": "websocket.send", "text": nil, "bytes": []byte("b")}, op: binary, payload: "b"},
		{name: "text with nil bytes", message: map[string]any{"type": "websocket.send", "text": "t", "bytes": nil}, op: text, payload: "t"},
		{name: "neither", message: map[string]any{"type": "websocket.send"}, malformed: true},
		{name: "both nil", message: map[string]any{"type": "websocket.send", "text": nil, "bytes": nil}, malformed: true},
		{name: "text that is a number", message: map[string]any{"type": "websocket.send", "text": 7}, malformed: true},
		{name: "text that is bytes", message: map[string]any{"type": "websocket.send", "text": []byte("hi")}, malformed: true},
		{name: "bytes that are text", message: map[string]any{"type": "websocket.send", "bytes": "hi"}, malformed: true},
		{name: "text that is a list, and bytes", message: map[string]any{"type": "websocket.send", "text": []any{}, "bytes": []byte("b")}, malformed: true},
		{name: "a close", message: map[string]any{"type": "websocket.close"}, close: 1000},
		{name: "a close with a code", message: map[string]any{"type": "websocket.close", "code": 4001}, close: 4001},
		{name: "a close with a reason", message: map[string]any{"type": "websocket.close", "code": 4001, "reason": "moved to room 2"}, close: 4001, reason: "moved to room 2"},
		{name: "only a reason", message: map[string]any{"type": "websocket.close", "reason": "bye"}, close: 1000, reason: "bye"},
		{name: "a reason that is nil", message: map[string]any{"type": "websocket.close", "code": nil, "reason": nil}, close: 1000},
		{name: "a reason that is a number", message: map[string]any{"type": "websocket.close", "reason": 7}, close: 1000, malformed: true},
		{name: "a code that cannot be sent", message: map[string]any{"type": "websocket.close", "code": 1005, "reason": "r"}, close: 1000, reason: "r", malformed: true},
		{name: "a code above 16 bits", message: map[string]any{"type": "websocket.close", "code": 1000 + 1<<16}, close: 1000, malformed: true},
	} {
		t.Run(c.name, func(t *testing.T) {
			w := newSocketWorld(t, map[string]websocket.Handler{"chat": chat()}, nil)
			client := w.open("acme.example.com", "/chat/a/1/")
			receives(t, client, "in")
			scope, err := w.host.Channels("acme")
			if err != nil {
				t.Fatal(err)
			}
			m, err := messageOf(c.message)
			if err == nil {
				err = scope.GroupSend(t.Context(), "chat", m)
			}
			if err != nil {
				t.Fatal(err)
			}
			if c.close == 0 && c.op == 0 { // nothing is sent: the next message must arrive first
				c.op, c.payload = text, "next"
				next, _ := channel.NewMessage("websocket.send", channel.Field{Name: "text", Value: "next"})
				if err := scope.GroupSend(t.Context(), "chat", next); err != nil {
					t.Fatal(err)
				}
			}
			op, got, err := client.Read()
			var closed *sockets.CloseError
			switch {
			case c.close != 0 && (!errors.As(err, &closed) || closed.Code != c.close || closed.Reason != c.reason):
				t.Errorf("received %q, %v, expected the close with %d %q", got, err, c.close, c.reason)
			case c.close == 0 && (err != nil || op != c.op || string(got) != c.payload):
				t.Errorf("received %v %q, %v, expected %v %q", op, got, err, c.op, c.payload)
			}
			want := uint64(0)
			if c.malformed {
				want = 1
			}
			if n := w.host.WebsocketStats().Channels.Malformed; n != want { // counted before anything is sent to the client
				t.Errorf("%d messages are counted as malformed, expected %d", n, want)
			}
		})
	}
}

// A websocket whose own send fails is also interrupted by the layer. It is counted
// once.
func TestASocketThatTheLayerClosesIsCountedOnce_E1(t *testing.T) {
	w := scripted(t)
	layer := &failingLayer{Layer: w.layer}
	w.layer = layer
	v := w.visit(t, "acme", "add chat")
	err := fmt.Errorf("%w: for a test", channel.ErrBroken)
	layer.fails.Store(&err)
	v.sends(t, "group chat lost")
	v.isClosed(t, sockets.CodeRestart, "")
	layer.interrupt(err)
	if s := w.host.consumers.Stats(); s.Interrupted != 1 || s.Failures != 0 {
		t.Errorf("counted %+v, expected one interrupted websocket", s)
	}
}

// messageOf returns a message with these entries.
func messageOf(entries map[string]any) (*channel.Message, error) {
	var fields []channel.Field
	for name, value := range entries {
		if name != "type" {
			fields = append(fields, channel.Field{Name: name, Value: value})
		}
	}
	return channel.NewMessage(entries["type"].(string), fields...)
}
