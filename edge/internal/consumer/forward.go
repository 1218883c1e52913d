package consumer

import (
	"github.com/tenantedge/tenantedge/edge/channel"
	"github.com/tenantedge/tenantedge/edge/internal/sockets"
	"github.com/tenantedge/tenantedge/guest/abi"
)

// Forward is a group message prepared for clients, once for all of them: a frame
// to send, or a close.
type Forward struct {
	frame     *sockets.Frame // nil: nothing is sent
	close     sockets.Code   // not 0: close with it and the reason
	reason    string
	Malformed bool // an entry is missing or of the wrong type
}

// ForClient reports whether a group message is for clients, not for the guest.
func ForClient(m *channel.Message) bool { return m.Type() == abi.TypeSend || m.Type() == abi.TypeClose }

// newForward reads a group message, which has the entries of ASGI's events. A nil
// entry counts as absent, as in Python.
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

// newClosing reads websocket.close: a code (default 1000) and a reason. An invalid
// entry is replaced by its default, since the message closes in any case.
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

// ForwardOf returns the Forward of a group message, which the first call makes.
func ForwardOf(m *channel.Message) *Forward {
	s := sharedOf(m)
	s.once.Do(func() { s.forward = newForward(m) })
	return &s.forward
}

// To sends the message to a client. A nil conn is ignored.
func (f *Forward) To(conn *sockets.Conn) {
	switch {
	case conn == nil:
	case f.close != 0:
		_ = conn.Close(f.close, f.reason) // newClosing checked the code, and text in a message is UTF-8
	case f.frame != nil:
		_ = conn.SendFrame(f.frame) // fails only if the websocket is closed or closing
	}
}
