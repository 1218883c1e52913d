package websocket

import (
	"bytes"
	"context"
	"fmt"
	"slices"
	"sync"
)

// Blocking is a Handler that runs a function for each websocket, in a goroutine. The
// websocket is closed when the function returns: with 1000, or with 1011 after an
// error or a panic.
type Blocking struct {
	// Serve is called for each websocket. The context has the tenant (tenant.From)
	// and ends with the websocket.
	Serve func(ctx context.Context, s *Stream) error
	// Protocols are the subprotocols that Serve speaks. The first one that the
	// client offers is chosen.
	Protocols []string
}

// Stream is a Conn that can be read from.
type Stream struct {
	*Conn
	// Request is the handshake.
	Request *Request

	serve  func(context.Context, *Stream) error
	cancel context.CancelFunc

	mu     sync.Mutex
	unread []message
	end    *CloseError
	wake   chan struct{} // has an element if unread or end may have changed
}

type message struct {
	kind    Kind
	payload []byte
}

// CloseError is the error of Stream.Read after the websocket has closed.
type CloseError struct {
	Code   int // 1005: no code; 1006: no close frame
	Reason string
}

func (e *CloseError) Error() string {
	return fmt.Sprintf("websocket: closed with %d %s", e.Code, e.Reason)
}

// maxUnread is how many messages are kept while Serve is busy. Then reading from
// the client pauses.
const maxUnread = 16

// Connect implements Handler.
func (b Blocking) Connect(r *Request) (Consumer, error) {
	for _, p := range r.Protocols {
		if r.Protocol == "" && slices.Contains(b.Protocols, p) {
			r.Protocol = p
		}
	}
	return &Stream{Request: r, serve: b.Serve, wake: make(chan struct{}, 1)}, nil
}

// Open implements Consumer.
func (t *Stream) Open(s *Conn) {
	t.Conn = s
	ctx, cancel := context.WithCancel(context.WithoutCancel(t.Request.Context()))
	t.cancel = cancel
	go func() {
		defer cancel()
		code := 1011
		defer func() {
			if p := recover(); p != nil {
				s.route.server.edge.Logger.Error("a websocket handler panicked", "panic", p, "schema", s.Schema(), "route", s.Route())
			}
			_ = s.Close(code, "") // the websocket may have closed already
			t.discard()
		}()
		if err := t.serve(ctx, t); err == nil {
			code = 1000
		}
	}()
}

// Message implements Consumer.
func (t *Stream) Message(s *Conn, kind Kind, payload []byte) {
	t.mu.Lock()
	t.unread = append(t.unread, message{kind, bytes.Clone(payload)})
	if len(t.unread) >= maxUnread {
		s.Pause()
	}
	t.mu.Unlock()
	t.notify()
}

// Closed implements Consumer.
func (t *Stream) Closed(_ *Conn, code int, reason string) {
	t.mu.Lock()
	t.end = &CloseError{code, reason}
	t.mu.Unlock()
	t.cancel()
	t.notify()
}

func (t *Stream) notify() {
	select {
	case t.wake <- struct{}{}:
	default:
	}
}

// discard drops unread messages after Serve has returned.
func (t *Stream) discard() {
	t.mu.Lock()
	t.unread = nil
	t.mu.Unlock()
	t.Resume() // to read the close frame
}

// Read waits for the next message and returns it. One goroutine at a time may read.
// The error is a *CloseError, after all messages were read, or that of the context.
func (t *Stream) Read(ctx context.Context) (Kind, []byte, error) {
	for {
		t.mu.Lock()
		if len(t.unread) > 0 {
			m := t.unread[0]
			t.unread[0] = message{}
			t.unread = t.unread[1:]
			if len(t.unread) == maxUnread/2 {
				t.Resume() // with the lock, so that it does not end a later pause
			}
			t.mu.Unlock()
			return m.kind, m.payload, nil
		}
		end := t.end
		t.mu.Unlock()
		if end != nil {
			return 0, nil, end
		}
		select {
		case <-t.wake:
		case <-ctx.Done():
			t.mu.Lock()
			end := t.end
			t.mu.Unlock()
			if end != nil { // the end also cancels the context
				continue
			}
			return 0, nil, ctx.Err()
		}
	}
}

// Write waits until the queue has room, and sends a message.
func (t *Stream) Write(ctx context.Context, kind Kind, payload []byte) error {
	if err := t.Wait(ctx); err != nil {
		return err
	}
	return t.Send(kind, payload)
}

var (
	_ Handler  = Blocking{}
	_ Consumer = (*Stream)(nil)
)
