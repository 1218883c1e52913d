// Package consumer runs the websockets whose events a guest handles: it calls the
// guest for each event of a socket, one at a time, and carries out the effects
// that the guest returns.
package consumer

import (
	"bytes"
	"context"
	"errors"
	"net/http"
	"sync"

	"github.com/tenantedge/tenantedge/edge/channel"
	"github.com/tenantedge/tenantedge/edge/internal/instance"
	"github.com/tenantedge/tenantedge/edge/internal/sockets"
	"github.com/tenantedge/tenantedge/edge/tenant"
	"github.com/tenantedge/tenantedge/guest/abi"
)

// Request is a routed handshake that the guest is to answer.
type Request struct {
	Tenant    *tenant.Tenant
	Route     string // name of the websocket route that matched
	Kwargs    string // values of the route, as a JSON object; empty: none
	Protocols []string
	// Header has canonical names. The guest sees the headers that it listed in its
	// reply to te_configure.
	Header http.Header
	// Scope is the tenant's part of the channel layer; nil: there are no groups.
	Scope channel.Scope
}

// Rejection is the answer to a handshake that the guest rejects, or that the host
// cannot serve: the guest handles no websockets, or the channel layer fails. The
// reason is for logs.
type Rejection struct {
	Status int // 4xx or 5xx
	Reason string
}

// Consumer is a websocket that the guest handles. It handles the events of the
// hub's connection and receives the messages of the websocket's channel. There is
// one for each idle websocket, so it is kept small: handshake effects and timers,
// which few websockets have, are in tables of the Set.
type Consumer struct {
	endpoint *endpoint

	state string // the guest's; used only by the goroutine that runs an event

	mu        sync.Mutex
	conn      *sockets.Conn    // nil until Open
	channel   *channel.Channel // nil until the guest uses groups or its channel
	events    *event           // a ring of waiting events: the last one, whose next is the first
	waiting   uint8            // number of waiting events
	busy      bool             // an event runs, or the consumer is in its tenant's ready list
	ended     bool             // no event is queued any more
	hasTimer  bool             // a timer is set
	closeCode sockets.Code     // not 0: close with this code in Open
	sendsDone bool             // the running event sends nothing more to the client
	failed    bool             // only the close event still runs; used only by the goroutine that runs an event
}

// Open runs the guest's open event. Without a *Rejection or an error, the caller
// accepts the handshake with the consumer as handler and Protocol as subprotocol,
// and calls Abandon if that fails. Open joins groups; the other effects are carried
// out when the hub calls Consumer.Open. The error is one of package guests.
func (set *Set) Open(ctx context.Context, r Request) (*Consumer, *Rejection, error) {
	g, i, err := set.guests.BorrowFor(ctx, r.Tenant.Schema)
	if err != nil {
		return nil, nil, err
	}
	headers := g.Configured().ConsumerHeaders
	if !g.Configured().Consumer {
		g.Return(i)
		return nil, &Rejection{http.StatusServiceUnavailable, "the guest does not handle websockets"}, nil
	}
	c := &Consumer{endpoint: set.acquire(&r), busy: true}
	e := effects{ctx: context.WithoutCancel(ctx), endpoint: c.endpoint, opening: true, offered: r.Protocols}
	err = c.call(ctx, g, i, instance.SocketOpen, func(buf []byte) int { return encodeHandshake(buf, headers, c.endpoint, &r) }, &e)
	if err != nil {
		c.release()
		return nil, nil, err
	}
	if e.status != 0 {
		c.release()
		return nil, &Rejection{e.status, "the guest rejected the handshake"}, nil
	}
	if err := c.join(&e); err != nil {
		c.release()
		return nil, &Rejection{http.StatusServiceUnavailable, err.Error()}, nil
	}
	set.keepOpening(c, &e)
	return c, nil, nil
}

// Protocol returns the subprotocol that the guest chose from those offered, or an
// empty string. It is valid until the hub calls Open.
func (c *Consumer) Protocol() string {
	set := c.endpoint.set
	set.mu.Lock()
	defer set.mu.Unlock()
	if e := set.openings[c]; e != nil {
		return e.protocol
	}
	return ""
}

// Abandon releases a consumer whose handshake failed after Set.Open. The guest
// gets no close event.
func (c *Consumer) Abandon() {
	c.mu.Lock()
	c.ended = true
	c.mu.Unlock()
	c.endpoint.set.takeOpening(c)
	c.release()
}

// Waiting returns the number of waiting events.
func (c *Consumer) Waiting() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return int(c.waiting)
}

// Open implements sockets.Handler.
func (c *Consumer) Open(conn *sockets.Conn) {
	c.mu.Lock()
	c.conn = conn
	closeCode := c.closeCode
	c.mu.Unlock()
	if closeCode != 0 {
		c.close(closeCode)
	}
	defer c.yield()
	if e := c.endpoint.set.takeOpening(c); e != nil {
		c.apply(e)
	}
}

// Message implements sockets.Handler. The hub reads nothing more from the client
// until the guest has handled the message. If it cannot run now, it is queued, so
// that it occupies no worker of the hub.
func (c *Consumer) Message(conn *sockets.Conn, op sockets.Op, payload []byte) {
	var word uint32
	if op == sockets.Binary {
		word = abi.EventBinary
	}
	if c.endpoint.owner.tooManyBlocked() || !c.begin() {
		e := newEvent(instance.SocketMessage)
		e.word, e.data = word, bytes.Clone(payload)
		conn.Pause()
		c.mu.Lock()
		c.queue(e)
		c.mu.Unlock()
		return
	}
	defer c.yield()
	c.run(false, instance.SocketMessage, word, payload)
}

// Closed implements sockets.Handler.
func (c *Consumer) Closed(_ *sockets.Conn, code sockets.Code, reason string) {
	e := newEvent(instance.SocketClose)
	e.word, e.data = uint32(code)<<abi.EventCodeShift, []byte(reason)
	c.mu.Lock()
	defer c.mu.Unlock()
	c.queue(e)
	c.ended = true
	c.stopTimer()
}

// Receive implements channel.Receiver.
func (c *Consumer) Receive(m *channel.Message) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	switch {
	case c.ended:
		return true
	case c.waiting >= maxWaiting:
		return false
	case c.events == nil && (!c.busy || c.sendsDone) && ForClient(m):
		c.forward(m)
		return true
	}
	if !c.endpoint.owner.hold(m) {
		return false
	}
	e := newEvent(instance.SocketGroup)
	e.message = m
	c.queue(e)
	return true
}

// forward sends a group message to the client. The caller holds c.mu.
func (c *Consumer) forward(m *channel.Message) {
	f := ForwardOf(m)
	if f.Malformed && c.channel != nil {
		c.channel.Malformed()
	}
	f.To(c.conn)
}

// Interrupted implements channel.Receiver. It closes a websocket that may have
// missed messages, so that the client connects again.
func (c *Consumer) Interrupted(err error) {
	switch {
	case err == nil:
	case errors.Is(err, channel.ErrClosed):
		c.close(sockets.CodeGoingAway)
	default:
		if c.close(sockets.CodeRestart) {
			c.endpoint.set.interrupted.Add(1)
		}
	}
}

// close closes the connection, or makes Open close it if that has not been called.
// It reports whether this is the first close.
func (c *Consumer) close(code sockets.Code) (first bool) {
	c.mu.Lock()
	conn := c.conn
	if conn == nil {
		first = c.closeCode == 0
		c.closeCode = code
	}
	c.mu.Unlock()
	if conn != nil {
		first = conn.CloseWith(code)
	}
	return first
}

// release closes the channel, stops the timer, frees waiting events and uncounts the
// websocket. It is called once.
func (c *Consumer) release() {
	c.mu.Lock()
	ch := c.channel
	c.channel = nil
	c.ended = true
	c.stopTimer()
	waiting := c.events
	c.events, c.waiting = nil, 0
	c.mu.Unlock()
	if waiting != nil { // the handshake failed
		waiting.freeAll()
	}
	if ch != nil {
		ch.Close()
	}
	c.endpoint.set.release(c.endpoint)
}

var (
	_ sockets.Handler  = (*Consumer)(nil)
	_ channel.Receiver = (*Consumer)(nil)
)
