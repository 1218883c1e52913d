package edge

import (
	"github.com/tenantedge/tenantedge/edge/channel"
	"github.com/tenantedge/tenantedge/edge/internal/sockets"
	"github.com/tenantedge/tenantedge/guest/abi"
)

// forward is a group message that goes to clients as it is, made for all of
// them together.
type forward struct {
	frame *sockets.Frame // nil: there is nothing to send
	close sockets.Code   // not 0: close with it
}

// forClient tells whether a group message is for clients, not for the guest.
func forClient(m *channel.Message) bool { return m.Type() == abi.TypeSend || m.Type() == abi.TypeClose }

// newForward reads a group message, by the names of ASGI's events.
func newForward(m *channel.Message) (f forward) {
	entries := m.Map()
	if m.Type() == abi.TypeClose {
		f.close = sockets.CodeNormal
		if code, ok := entries["code"].(int64); ok && code == int64(uint16(code)) && sockets.Code(code).Sendable() {
			f.close = sockets.Code(code)
		}
		return f
	}
	if text, ok := entries["text"].(string); ok {
		f.frame = sockets.NewFrame(sockets.Text, []byte(text))
	} else if data, ok := entries["bytes"].([]byte); ok {
		f.frame = sockets.NewFrame(sockets.Binary, data)
	}
	return f
}

// forward sends a group message on to the client; the consumer is locked.
func (c *consumer) forward(m *channel.Message) { forwardTo(c.conn, m) }

// forwardTo sends a group message on to a client; nil: there is none.
func forwardTo(conn *sockets.Conn, m *channel.Message) {
	s := sharedOf(m)
	s.once.Do(func() { s.forward = newForward(m) })
	f := &s.forward
	switch {
	case conn == nil:
	case f.close != 0:
		_ = conn.Close(f.close, "") // the code is one that can be sent
	case f.frame != nil:
		_ = conn.SendFrame(f.frame) // a client that is gone has nothing to miss
	}
}
