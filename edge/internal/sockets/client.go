package sockets

import (
	"encoding/binary"
	"fmt"
	"io"
	"net/http"
	"sync"
	"time"

	"github.com/gobwas/ws"
)

// Client is a websocket to a server with a blocking API: one goroutine reads, any
// number write. The handshake must not have offered compression.
type Client struct {
	up         *Upstream
	maxMessage int64
	mu         sync.Mutex
	closing    bool
}

// CloseError is the error of Client.Read after the server has closed.
type CloseError struct {
	Code   Code // CodeNoStatus if the close frame had none
	Reason string
}

func (e *CloseError) Error() string {
	return fmt.Sprintf("sockets: closed with %d %s", e.Code, e.Reason)
}

// NewClient returns a Client for a connection of Dial. A message longer than
// maxMessage bytes fails the connection.
func NewClient(up *Upstream, maxMessage int64) *Client {
	return &Client{up: up, maxMessage: maxMessage}
}

// Read returns the next message. It answers pings. When the server closes, Read
// answers the close frame and returns a *CloseError.
func (c *Client) Read() (Op, []byte, error) {
	var message []byte
	var op ws.OpCode
	open := false
	for {
		h, err := ws.ReadHeader(c.up.reader)
		if err != nil {
			return 0, nil, err
		}
		if failed := checkHeader(h, ws.StateClientSide, open, false); failed != nil {
			return 0, nil, c.failed(failed)
		}
		if h.Length > c.maxMessage-int64(len(message)) && !h.OpCode.IsControl() {
			return 0, nil, c.failed(errMessageTooBig)
		}
		payload := make([]byte, h.Length)
		if _, err := io.ReadFull(c.up.reader, payload); err != nil {
			return 0, nil, err
		}
		switch h.OpCode {
		case ws.OpPing:
			err = c.write(ws.OpPong, payload)
		case ws.OpPong:
		case ws.OpClose:
			code, reason, failed := parseClose(payload)
			if failed != nil {
				return 0, nil, c.failed(failed)
			}
			_ = c.write(ws.OpClose, payload[:min(len(payload), 2)]) // fails if we have sent a close frame
			return 0, nil, &CloseError{code, reason}
		default:
			if h.OpCode != ws.OpContinuation {
				op = h.OpCode
			}
			message = append(message, payload...)
			if open = !h.Fin; h.Fin {
				return Op(op), message, nil
			}
		}
		if err != nil {
			return 0, nil, err
		}
	}
}

// Write sends a message.
func (c *Client) Write(op Op, payload []byte) error { return c.write(ws.OpCode(op), payload) }

// Close sends a close frame; Read returns the server's answer.
func (c *Client) Close(code Code, reason string) error {
	if !code.Sendable() {
		return fmt.Errorf("%w, found %d", ErrCode, code)
	}
	return c.write(ws.OpClose, append(binary.BigEndian.AppendUint16(nil, uint16(code)), truncateReason(reason)...))
}

// SetDeadline sets the deadline of reads and writes.
func (c *Client) SetDeadline(t time.Time) error { return c.up.conn.SetDeadline(t) }

// Protocol returns the subprotocol that the server chose.
func (c *Client) Protocol() string { return c.up.protocol }

// Drop closes the connection without a close handshake.
func (c *Client) Drop() error { return c.up.conn.Close() }

// failed sends a close frame with the failure's code, and returns the failure.
func (c *Client) failed(f *failure) error {
	_ = c.Close(f.code, f.reason) // the connection may be broken
	return f
}

func (c *Client) write(op ws.OpCode, payload []byte) error {
	frame, err := ws.CompileFrame(ws.MaskFrame(ws.NewFrame(op, true, payload)))
	if err != nil {
		return err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.closing {
		return ErrClosed
	}
	c.closing = op == ws.OpClose
	_, err = c.up.conn.Write(frame)
	return err
}

// Header returns the header of the server's response.
func (c *Client) Header() http.Header { return c.up.Header }
