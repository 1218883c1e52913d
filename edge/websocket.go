package edge

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"sync"

	"github.com/tenantedge/tenantedge/edge/channel"
	"github.com/tenantedge/tenantedge/edge/internal/consumer"
	"github.com/tenantedge/tenantedge/edge/internal/sockets"
	"github.com/tenantedge/tenantedge/edge/tenant"
)

// WebsocketKind is the kind of a message.
type WebsocketKind byte

// Kinds of messages.
const (
	WebsocketText   = WebsocketKind(sockets.Text)
	WebsocketBinary = WebsocketKind(sockets.Binary)
)

// Errors of a Websocket, to branch on with errors.Is.
var (
	// ErrWebsocketClosed is what sending returns once the socket is closing.
	ErrWebsocketClosed = sockets.ErrClosed
	// ErrWebsocketText refuses text that is not UTF-8.
	ErrWebsocketText = sockets.ErrText
	// ErrWebsocketCode refuses a code that no close frame may carry.
	ErrWebsocketCode = sockets.ErrCode
)

// Refused is the error of a WebsocketHandler that rejects a handshake with an HTTP
// status. The reason is for logs.
type Refused struct {
	Status int // 4xx or 5xx
	Reason string
}

func (r *Refused) Error() string {
	return fmt.Sprintf("edge: websocket refused with %d: %s", r.Status, r.Reason)
}

// WebsocketHandler is a handler in Go for the websockets of a route. It is
// registered in WebsocketConfig.Handlers, under the name by which a
// WebsocketTarget asks for it. For functions that would rather wait than be
// called, see BlockingWebsockets.
type WebsocketHandler interface {
	// Connect answers a handshake that was routed, and whose origin and limits
	// are in order. It returns who gets the socket's events; or a *Refused for
	// an HTTP status. Any other error is a 500.
	Connect(r *WebsocketRequest) (WebsocketConsumer, error)
}

// WebsocketRequest is a handshake.
type WebsocketRequest struct {
	// Request is the HTTP request, without what clients may not claim. Its URL
	// is as the tenant sees it. Its context ends with Connect, and what it
	// refers to is better not kept: it is some kilobytes for each socket.
	*http.Request
	Tenant    *tenant.Tenant
	Route     string   // name of the route that matched
	Kwargs    string   // its values, one JSON object; "" if there are none
	Protocols []string // subprotocols that the client offers, best first
	// Protocol is for Connect to set: one of Protocols, or empty for none.
	Protocol string
	// Header is for Connect to add to, for the answer.
	Header http.Header
}

// Value is a value of the path, as text: that of <int:page> is its digits.
// Without such a value it is empty.
func (r *WebsocketRequest) Value(name string) string {
	var values map[string]json.RawMessage
	if json.Unmarshal([]byte(r.Kwargs), &values) != nil {
		return ""
	}
	var text string
	if json.Unmarshal(values[name], &text) != nil {
		return string(values[name])
	}
	return text
}

// WebsocketConsumer gets the events of one socket, one after the other. An idle
// socket has no goroutine and no buffer. While a method runs, nothing more is
// read from the client, so a consumer that waits slows its client down; there
// are at most some 1,000 that can wait at the same time in a process.
type WebsocketConsumer interface {
	// Open comes first.
	Open(s *Websocket)
	// Message comes for each message; the payload is valid until it returns.
	Message(s *Websocket, kind WebsocketKind, payload []byte)
	// Closed comes last, once: with the client's code, or the one it was closed
	// with, 1005 without a code, 1006 without a word.
	Closed(s *Websocket, code int, reason string)
}

// WebsocketGroupConsumer is a WebsocketConsumer that gets the messages of its
// groups, and those to its channel. Messages of the types websocket.send (with
// text or bytes) and websocket.close (with code and reason) go to the client by themselves;
// to a consumer that is none of these, no others come.
type WebsocketGroupConsumer interface {
	// Group is called by whoever sends, at any time: it must not wait, and may
	// run together with the other methods.
	Group(s *Websocket, m *channel.Message)
}

// WebsocketInterrupted is a WebsocketConsumer that would rather hear of it when
// the channel layer breaks, and messages may be lost (channel.ErrBroken), and
// when it is whole again (nil). Without it the socket is closed with 1012, so
// that its client comes again and sees what it missed.
type WebsocketInterrupted interface {
	// Interrupted must not wait, as Group.
	Interrupted(s *Websocket, err error)
}

// Websocket is an accepted websocket. Its methods are safe for use by any
// number of goroutines. There is one for each idle websocket, so it is kept
// small.
type Websocket struct {
	consumer WebsocketConsumer
	place    *socketPlace

	mu      sync.Mutex
	conn    *sockets.Conn    // nil until Open
	channel *channel.Channel // nil until it is needed; noChannel: never again
}

// noChannel is the channel of sockets that are closed. To say so by a flag would
// take a quarter of what the allocator has for a Websocket.
var noChannel = new(channel.Channel)

type socketPlaceKey struct{ schema, route string }

// socketPlace is what the sockets of one tenant and route have in common.
type socketPlace struct {
	sockets *websockets
	schema  string
	route   string
	scope   channel.Scope
	count   int // of sockets, those in their handshake included; under the lock of the places
}

// ID is the socket's number, never used again by its Host.
func (s *Websocket) ID() uint64 { return s.conn.ID() }

// Schema is the tenant's.
func (s *Websocket) Schema() string { return s.place.schema }

// Route is the name of the route that matched.
func (s *Websocket) Route() string { return s.place.route }

// Protocol is the subprotocol that Connect chose.
func (s *Websocket) Protocol() string { return s.conn.Protocol() }

// Send queues a message, and copies it. It never waits: a client that reads too
// slowly is closed with 1013, see WebsocketLimits.Queue and Wait.
func (s *Websocket) Send(kind WebsocketKind, payload []byte) error {
	return s.conn.Send(sockets.Op(kind), payload)
}

// Wait waits until the client has read half of what may wait for it, for who
// sends much. A consumer may wait in Message, but not in Open, before whose end
// nothing is sent. The error is ErrWebsocketClosed or the context's.
func (s *Websocket) Wait(ctx context.Context) error {
	if err := s.conn.WaitWritable(ctx.Done()); err != nil {
		return err
	}
	return ctx.Err()
}

// Close starts the close handshake: what was sent before still goes out, and
// Closed comes. A second call does nothing.
func (s *Websocket) Close(code int, reason string) error {
	if code < 0 || code > 4999 {
		return ErrWebsocketCode
	}
	return s.conn.Close(sockets.Code(code), reason)
}

// Pause has nothing more read from the client, until Resume.
func (s *Websocket) Pause() { s.conn.Pause() }

// Resume ends a pause.
func (s *Websocket) Resume() { s.conn.Resume() }

// Groups are the socket's, within its tenant.
func (s *Websocket) Groups() Groups { return Groups{s} }

// socketEvents is a Websocket as the hub and the channel layer see it.
type socketEvents Websocket

var (
	_ sockets.Handler  = (*socketEvents)(nil)
	_ channel.Receiver = (*socketEvents)(nil)
)

// Open implements sockets.Handler.
func (e *socketEvents) Open(c *sockets.Conn) {
	e.mu.Lock()
	e.conn = c
	e.mu.Unlock()
	e.consumer.Open((*Websocket)(e))
}

// Message implements sockets.Handler.
func (e *socketEvents) Message(_ *sockets.Conn, op sockets.Op, payload []byte) {
	e.consumer.Message((*Websocket)(e), WebsocketKind(op), payload)
}

// Closed implements sockets.Handler.
func (e *socketEvents) Closed(_ *sockets.Conn, code sockets.Code, reason string) {
	defer func() {
		e.mu.Lock()
		ch := e.channel
		e.channel = noChannel
		e.mu.Unlock()
		if ch != nil {
			ch.Close()
		}
		e.place.sockets.leave(e.place)
	}()
	e.consumer.Closed((*Websocket)(e), int(code), reason)
}

// Receive implements channel.Receiver.
func (e *socketEvents) Receive(m *channel.Message) bool {
	if consumer.ForClient(m) {
		f := consumer.ForwardOf(m)
		if f.Malformed {
			e.malformed() // first, for the channel is forgotten when the socket ends
		}
		f.To(e.conn)
		return true
	}
	if g, ok := e.consumer.(WebsocketGroupConsumer); ok {
		defer e.recovered()
		g.Group((*Websocket)(e), m)
	}
	return true
}

// malformed counts a message for the client that cannot be sent.
func (e *socketEvents) malformed() {
	e.mu.Lock()
	ch := e.channel
	e.mu.Unlock()
	if ch != nil && ch != noChannel {
		ch.Malformed()
	}
}

// Interrupted implements channel.Receiver.
func (e *socketEvents) Interrupted(err error) {
	if i, ok := e.consumer.(WebsocketInterrupted); ok {
		defer e.recovered()
		i.Interrupted((*Websocket)(e), err)
		return
	}
	switch {
	case err == nil:
	case errors.Is(err, channel.ErrClosed):
		e.conn.CloseWith(sockets.CodeGoingAway)
	default:
		if e.conn.CloseWith(sockets.CodeRestart) {
			e.place.sockets.interrupted.Add(1)
		}
	}
}

// recovered ends the socket whose consumer panics, where the goroutine is not
// the hub's, which does the same for its own.
func (e *socketEvents) recovered() {
	if p := recover(); p != nil {
		e.place.sockets.host.config.Logger.Error("a websocket's consumer panicked", "panic", p, "schema", e.place.schema, "route", e.place.route)
		e.conn.CloseWith(sockets.CodeInternal)
	}
}
