// Package websocket serves a tenant's websockets: by a handler in Go, by the
// guest, or by relaying them to an application. An edge.Host serves them when its
// Config.Websockets has targets:
//
//	edge.Config{
//		GuestConfig: abi.Config{
//			WSURLConfs: map[string][]abi.WSRoute{"ws": {{Path: &path, Name: "echo"}}},
//		},
//		Websockets: websocket.Config{
//			Targets:  map[string]map[string]websocket.Target{"ws": {"echo": {Handler: "echo"}}},
//			Handlers: map[string]websocket.Handler{"echo": echo{}},
//		},
//	}
//
// README.md starts with the tasks, RATIONALE.md has the reasons.
package websocket

import (
	"context"
	"errors"
	"fmt"
	"sync"

	"github.com/tenantedge/tenantedge/edge/channel"
	"github.com/tenantedge/tenantedge/edge/internal/consumer"
	"github.com/tenantedge/tenantedge/edge/internal/sockets"
)

// Kind is the kind of a message.
type Kind byte

// Kinds of messages.
const (
	Text   Kind = 1 // UTF-8
	Binary Kind = 2
)

// Errors of a Conn.
var (
	ErrClosed = errors.New("websocket: the connection is closed or closing")
	ErrText   = errors.New("websocket: expected text to be valid UTF-8")
	ErrCode   = errors.New("websocket: expected a close code of 1000-1003, 1007-1014 or 3000-4999")
)

// publicError returns the error of this package for one of package sockets.
func publicError(err error) error {
	switch {
	case err == nil:
		return nil
	case errors.Is(err, sockets.ErrClosed):
		return ErrClosed
	case errors.Is(err, sockets.ErrText):
		return ErrText
	case errors.Is(err, sockets.ErrCode):
		return ErrCode
	}
	return fmt.Errorf("websocket: %w", err)
}

// Conn is an accepted websocket. Its methods are safe for concurrent use. There is
// one for each idle websocket, so it is kept small.
type Conn struct {
	consumer Consumer
	route    *route

	mu      sync.Mutex
	conn    *sockets.Conn    // nil until Open
	channel *channel.Channel // nil until the first use; noChannel: the websocket is closed
}

// noChannel is the channel of closed websockets. A flag would make Conn exceed its
// size class, by a quarter.
var noChannel = new(channel.Channel)

// route is what the websockets of one tenant and route share.
type route struct {
	server *Server
	schema string
	name   string
	scope  channel.Scope
	count  int // of websockets, with those in their handshake; guarded by Server.mu
}

// ID returns a number that no other websocket of the Host has or will have.
func (c *Conn) ID() uint64 { return c.conn.ID() }

// Schema returns the schema of the tenant.
func (c *Conn) Schema() string { return c.route.schema }

// Route returns the name of the route that matched.
func (c *Conn) Route() string { return c.route.name }

// Protocol returns the subprotocol that Connect chose.
func (c *Conn) Protocol() string { return c.conn.Protocol() }

// Send queues a copy of a message. It never waits: a client that reads too slowly
// is closed with 1013, see Limits.Queue and Conn.Wait. The error is ErrClosed or
// ErrText.
func (c *Conn) Send(kind Kind, payload []byte) error {
	return publicError(c.conn.Send(sockets.Op(kind), payload))
}

// Wait waits until at most half of the client's queue is used, for senders of many
// messages. A consumer may wait in Message, but not in Open: nothing is sent
// before Open returns. The error is ErrClosed or that of the context.
func (c *Conn) Wait(ctx context.Context) error {
	if err := c.conn.WaitWritable(ctx.Done()); err != nil {
		return publicError(err)
	}
	return ctx.Err()
}

// Close starts the close handshake: queued messages are still sent, and Closed is
// called. A second call does nothing. Code 0 sends no code. The error is ErrCode
// or ErrText.
func (c *Conn) Close(code int, reason string) error {
	if code < 0 || code > 4999 {
		return ErrCode
	}
	return publicError(c.conn.Close(sockets.Code(code), reason))
}

// Pause stops reading from the client until Resume.
func (c *Conn) Pause() { c.conn.Pause() }

// Resume ends a pause.
func (c *Conn) Resume() { c.conn.Resume() }

// Groups returns the groups of the websocket's tenant.
func (c *Conn) Groups() Groups { return Groups{c} }

// events is a Conn with the methods that the hub and the channel layer call.
type events Conn

// Open implements sockets.Handler.
func (e *events) Open(c *sockets.Conn) {
	e.mu.Lock()
	e.conn = c
	e.mu.Unlock()
	e.consumer.Open((*Conn)(e))
}

// Message implements sockets.Handler.
func (e *events) Message(_ *sockets.Conn, op sockets.Op, payload []byte) {
	e.consumer.Message((*Conn)(e), Kind(op), payload)
}

// Closed implements sockets.Handler.
func (e *events) Closed(_ *sockets.Conn, code sockets.Code, reason string) {
	defer func() {
		e.mu.Lock()
		ch := e.channel
		e.channel = noChannel
		e.mu.Unlock()
		if ch != nil {
			ch.Close()
		}
		e.route.server.release(e.route)
	}()
	e.consumer.Closed((*Conn)(e), int(code), reason)
}

// Receive implements channel.Receiver.
func (e *events) Receive(m *channel.Message) bool {
	if consumer.ForClient(m) {
		f := consumer.ForwardOf(m)
		if f.Malformed {
			e.malformed() // before closing, which clears the channel
		}
		f.To(e.conn)
		return true
	}
	if g, ok := e.consumer.(GroupConsumer); ok {
		defer e.recovered()
		g.Group((*Conn)(e), m)
	}
	return true
}

// malformed counts a message for the client that cannot be sent.
func (e *events) malformed() {
	e.mu.Lock()
	ch := e.channel
	e.mu.Unlock()
	if ch != nil && ch != noChannel {
		ch.Malformed()
	}
}

// Interrupted implements channel.Receiver.
func (e *events) Interrupted(err error) {
	if i, ok := e.consumer.(InterruptionConsumer); ok {
		defer e.recovered()
		i.Interrupted((*Conn)(e), err)
		return
	}
	switch {
	case err == nil:
	case errors.Is(err, channel.ErrClosed):
		e.conn.CloseWith(sockets.CodeGoingAway)
	default:
		if e.conn.CloseWith(sockets.CodeRestart) {
			e.route.server.interrupted.Add(1)
		}
	}
}

// recovered closes the websocket after a panic of its consumer in a goroutine of
// the channel layer. The hub does the same in its own goroutines.
func (e *events) recovered() {
	if p := recover(); p != nil {
		e.route.server.edge.Logger.Error("a websocket consumer panicked", "panic", p, "schema", e.route.schema, "route", e.route.name)
		e.conn.CloseWith(sockets.CodeInternal)
	}
}

var (
	_ sockets.Handler  = (*events)(nil)
	_ channel.Receiver = (*events)(nil)
)
