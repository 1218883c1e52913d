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

// Request is a handshake that the guest is to answer: it was routed,
// and holds what the host knows of it.
type Request struct {
	Tenant    *tenant.Tenant
	Route     string // name of the websocket route that matched
	Kwargs    string // its values as one JSON object; empty: none
	Protocols []string
	// Header is the request's, by canonical names. The guest sees those
	// headers that it asked for when it was configured.
	Header http.Header
	// Scope is the tenant's part of the channel layer; nil: there are no groups.
	Scope channel.Scope
}

// Rejection is a handshake that the guest rejects, or for which something is
// missing. The reason is for logs.
type Rejection struct {
	Status int // 4xx or 5xx
	Reason string
}

// consumer is one websocket that the guest handles. It is the handler of the
// hub's connection, and the receiver of the channel that the connection has as
// long as it is in groups. There is one for each idle websocket, so it is kept
// small.
type Consumer struct {
	place *place

	// Of the one whose turn it is; what was asked for at the handshake, and
	// timers, which few websockets have, are with the Host's consumers.
	state string

	mu      sync.Mutex
	conn    *sockets.Conn    // nil until Open
	channel *channel.Channel // nil until it is needed
	events  *event           // that wait: the last one, whose next is the first
	waiting uint8            // events
	busy    bool             // it is somebody's turn, or will be
	ended   bool             // no further events
	timed   bool             // a timer is set
	ending  sockets.Code     // what to close with as soon as there is a connection
	said    bool             // who is busy has nothing more for the client in this turn
	failed  bool             // no further events but the last; of the one whose turn it is
}

// Open runs the guest's open event. With neither *Rejection nor error the
// handshake is to be accepted with the consumer as its handler and Protocol as
// its subprotocol; if that fails, Abandon must be called. What the guest wants
// sent goes out when the hub calls Open. The error is one of package guests.
func (q *Set) Open(ctx context.Context, r Request) (*Consumer, *Rejection, error) {
	g, i, err := q.guests.Borrow(ctx)
	if err != nil {
		return nil, nil, err
	}
	headers := g.Configured().ConsumerHeaders
	if !g.Configured().Consumer {
		g.Return(i)
		return nil, &Rejection{http.StatusServiceUnavailable, "the guest handles no websockets"}, nil
	}
	c := &Consumer{place: q.enter(&r), busy: true}
	e := effects{place: c.place, opening: true, offered: r.Protocols}
	err = c.call(ctx, g, i, instance.SocketOpen, func(buf []byte) int { return encodeHandshake(buf, headers, c.place, &r) }, &e)
	if err != nil {
		c.release()
		return nil, nil, err
	}
	if e.status != 0 {
		c.release()
		return nil, &Rejection{e.status, "the guest refuses it"}, nil
	}
	if err := c.join(&e); err != nil {
		c.release()
		return nil, &Rejection{http.StatusServiceUnavailable, err.Error()}, nil
	}
	q.keepOpening(c, &e)
	return c, nil, nil
}

// Protocol is the subprotocol that the guest chose, one of those offered; empty
// if it chose none. It holds until the handshake is answered.
func (c *Consumer) Protocol() string {
	q := c.place.set
	q.mu.Lock()
	defer q.mu.Unlock()
	if e := q.openings[c]; e != nil {
		return e.protocol
	}
	return ""
}

// Abandon releases a consumer whose handshake failed after Set.Open. The
// guest hears nothing of it: nothing that it wanted has happened yet.
func (c *Consumer) Abandon() {
	c.mu.Lock()
	c.ended = true
	c.mu.Unlock()
	c.place.set.takeOpening(c)
	c.release()
}

// Waiting returns how many events wait for the websocket's turn.
func (c *Consumer) Waiting() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return int(c.waiting)
}

// Open implements sockets.Handler.
func (c *Consumer) Open(conn *sockets.Conn) {
	c.mu.Lock()
	c.conn = conn
	ending := c.ending
	c.mu.Unlock()
	if ending != 0 {
		c.shut(ending)
	}
	defer c.yield()
	if e := c.place.set.takeOpening(c); e != nil {
		c.apply(e)
	}
}

// Message implements sockets.Handler. Until the guest is done with the message
// the hub reads nothing more from the client. If it cannot be run now, it waits
// as events of groups do, and keeps none of the hub's workers.
func (c *Consumer) Message(conn *sockets.Conn, op sockets.Op, payload []byte) {
	var word uint32
	if op == sockets.Binary {
		word = abi.EventBinary
	}
	if c.place.owner.crowded() || !c.begin() {
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
	case c.events == nil && (!c.busy || c.said) && ForClient(m):
		c.forward(m)
		return true
	}
	if !c.place.owner.hold(m) {
		return false
	}
	e := newEvent(instance.SocketGroup)
	e.message = m
	c.queue(e)
	return true
}

// forward sends a group message on to the client; the consumer is locked.
func (c *Consumer) forward(m *channel.Message) {
	f := ForwardOf(m)
	if f.Malformed && c.channel != nil {
		c.channel.Malformed()
	}
	f.To(c.conn)
}

// Interrupted implements channel.Receiver: a client whose socket may have
// missed something is to come again.
func (c *Consumer) Interrupted(err error) {
	switch {
	case err == nil:
	case errors.Is(err, channel.ErrClosed):
		c.shut(sockets.CodeGoingAway)
	default:
		if c.shut(sockets.CodeRestart) {
			c.place.set.interrupted.Add(1)
		}
	}
}

// shut closes the connection, or has it closed when it is there. It reports
// whether nothing else closed it before.
func (c *Consumer) shut(code sockets.Code) (first bool) {
	c.mu.Lock()
	conn := c.conn
	if conn == nil {
		first = c.ending == 0
		c.ending = code
	}
	c.mu.Unlock()
	if conn != nil {
		first = conn.CloseWith(code)
	}
	return first
}

// release ends what the consumer holds, once.
func (c *Consumer) release() {
	c.mu.Lock()
	ch := c.channel
	c.channel = nil
	c.ended = true
	c.stopTimer()
	waiting := c.events
	c.events, c.waiting = nil, 0
	c.mu.Unlock()
	if waiting != nil { // for a websocket that never came to be
		waiting.freeAll()
	}
	if ch != nil {
		ch.Close()
	}
	c.place.set.leave(c.place)
}

var (
	_ sockets.Handler  = (*Consumer)(nil)
	_ channel.Receiver = (*Consumer)(nil)
)
