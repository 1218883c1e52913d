package consumer

import (
	"github.com/tenantedge/tenantedge/edge/channel"
	"github.com/tenantedge/tenantedge/edge/internal/sockets"
	"github.com/tenantedge/tenantedge/guest/abi"
)

// Forward is what a group message does to the clients that it is for, made
// once for all of them.
type Forward struct {
	frame     *sockets.Frame // nil: nothing is sent
	close     sockets.Code   // not 0: close with it and the reason
	reason    string
	Malformed bool // an entry is missing or of the wrong type
}

// ForClient reports whether a group message is for clients, not for the guest.
func ForClient(m *channel.Message) bool { return m.Type() == abi.TypeSend || m.Type() == abi.TypeClose }

// newForward reads a group message, by the names of ASGI's events. An entry
// that is nil counts as absent, as in Python.
func newForward(m *channel.Message) Forward {
	if m.Type() == abi.TypeClose {
		return newClosing(m.Map())
	}
	return newSending(m.Map())
}

// newSending reads websocket.send: text, or else bytes.
func newSending(entries map[string]any) Forward {
	if text, ok := entries["text"].(string); ok {
		return Forward{frame: sockets.NewFrame(sockets.Text, []byte(text))}
	}
	if data, ok := entries["bytes"].([]byte); ok && entries["text"] == nil {
		return Forward{frame: sockets.NewFrame(sockets.Binary, data)}
	}
	return Forward{Malformed: true}
}

// newClosing reads websocket.close: a code, 1000 if there is none, and a reason.
// It closes in any case; what cannot be sent is replaced by the defaults.
func newClosing(entries map[string]any) Forward {
	f := Forward{close: sockets.CodeNormal}
	switch code, ok := entries["code"].(int64); {
	case ok && code == int64(uint16(code)) && sockets.Code(code).Sendable():
		f.close = sockets.Code(code)
	case entries["code"] != nil:
		f.Malformed = true
	}
	switch reason, ok := entries["reason"].(string); {
	case ok:
		f.reason = reason
	case entries["reason"] != nil:
		f.Malformed = true
	}
	return f
}

// ForwardOf returns what a group message does to clients.
func ForwardOf(m *channel.Message) *Forward {
	s := sharedOf(m)
	s.once.Do(func() { s.forward = newForward(m) })
	return &s.forward
}

// To sends the message on to a client, if there is one.
func (f *Forward) To(conn *sockets.Conn) {
	switch {
	case conn == nil:
	case f.close != 0:
		_ = conn.Close(f.close, f.reason) // the code can be sent, and text in a message is UTF-8
	case f.frame != nil:
		_ = conn.SendFrame(f.frame) // a client that is gone misses nothing
	}
}
