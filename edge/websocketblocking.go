package edge

import (
	"bytes"
	"context"
	"fmt"
	"slices"
	"sync"
)

// BlockingWebsockets makes a handler of a function that reads and writes, for
// who would rather wait than be called. Each of its sockets has a goroutine.
// When the function returns, the socket is closed: with 1000, or for an error
// with 1011.
type BlockingWebsockets struct {
	// Serve is called for each socket. The context has the tenant (tenant.From)
	// and ends with the socket.
	Serve func(ctx context.Context, s *WebsocketStream) error
	// Protocols are the subprotocols that it speaks: the first one that the
	// client offers is chosen.
	Protocols []string
}

// WebsocketStream is a Websocket to read from.
type WebsocketStream struct {
	*Websocket
	// Request is the handshake's.
	Request *WebsocketRequest

	serve  func(context.Context, *WebsocketStream) error
	cancel context.CancelFunc

	mu     sync.Mutex
	unread []streamed
	end    *WebsocketEnd
	came   chan struct{} // has one element when there may be something new
}

type streamed struct {
	kind    WebsocketKind
	payload []byte
}

// WebsocketEnd is what WebsocketStream.Read returns when the socket has ended.
type WebsocketEnd struct {
	Code   int // 1005: without a code; 1006: without a word
	Reason string
}

func (e *WebsocketEnd) Error() string {
	return fmt.Sprintf("edge: websocket closed with %d %s", e.Code, e.Reason)
}

// Messages that are kept for a Serve that is busy. From then on the client is
// not read from.
const streamAhead = 16

// Connect implements WebsocketHandler.
func (b BlockingWebsockets) Connect(r *WebsocketRequest) (WebsocketConsumer, error) {
	for _, p := range r.Protocols {
		if r.Protocol == "" && slices.Contains(b.Protocols, p) {
			r.Protocol = p
		}
	}
	return &WebsocketStream{Request: r, serve: b.Serve, came: make(chan struct{}, 1)}, nil
}

// Open implements WebsocketConsumer.
func (t *WebsocketStream) Open(s *Websocket) {
	t.Websocket = s
	ctx, cancel := context.WithCancel(context.WithoutCancel(t.Request.Context()))
	t.cancel = cancel
	go func() {
		defer cancel()
		code := 1011
		defer func() {
			if p := recover(); p != nil {
				s.place.sockets.host.config.Logger.Error("a websocket's handler panicked", "panic", p, "schema", s.Schema(), "route", s.Route())
			}
			_ = s.Close(code, "") // it may have ended
			t.discard()
		}()
		if err := t.serve(ctx, t); err == nil {
			code = 1000
		}
	}()
}

// Message implements WebsocketConsumer.
func (t *WebsocketStream) Message(s *Websocket, kind WebsocketKind, payload []byte) {
	t.mu.Lock()
	t.unread = append(t.unread, streamed{kind, bytes.Clone(payload)})
	if len(t.unread) >= streamAhead {
		s.Pause()
	}
	t.mu.Unlock()
	t.tell()
}

// Closed implements WebsocketConsumer.
func (t *WebsocketStream) Closed(_ *Websocket, code int, reason string) {
	t.mu.Lock()
	t.end = &WebsocketEnd{code, reason}
	t.mu.Unlock()
	t.cancel()
	t.tell()
}

func (t *WebsocketStream) tell() {
	select {
	case t.came <- struct{}{}:
	default:
	}
}

// discard forgets what nobody will read.
func (t *WebsocketStream) discard() {
	t.mu.Lock()
	t.unread = nil
	t.mu.Unlock()
	t.Resume() // the close handshake is read
}

// Read returns the next message, for which it waits: one goroutine at a time
// reads. The error is a *WebsocketEnd, once all that came before was read, or
// the context's.
func (t *WebsocketStream) Read(ctx context.Context) (WebsocketKind, []byte, error) {
	for {
		t.mu.Lock()
		if len(t.unread) > 0 {
			m := t.unread[0]
			t.unread[0] = streamed{}
			t.unread = t.unread[1:]
			if len(t.unread) == streamAhead/2 {
				t.Resume() // still locked: it must not end a pause that begins meanwhile
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
		case <-t.came:
		case <-ctx.Done():
			t.mu.Lock()
			end := t.end
			t.mu.Unlock()
			if end != nil { // which ended the context too
				continue
			}
			return 0, nil, ctx.Err()
		}
	}
}

// Write sends a message as soon as there is room for it.
func (t *WebsocketStream) Write(ctx context.Context, kind WebsocketKind, payload []byte) error {
	if err := t.Wait(ctx); err != nil {
		return err
	}
	return t.Send(kind, payload)
}

var (
	_ WebsocketHandler  = BlockingWebsockets{}
	_ WebsocketConsumer = (*WebsocketStream)(nil)
)
