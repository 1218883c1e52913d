package edge

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"sync"

	"github.com/tenantedge/tenantedge/edge/channel"
	"github.com/tenantedge/tenantedge/edge/internal/instance"
	"github.com/tenantedge/tenantedge/edge/internal/sockets"
	"github.com/tenantedge/tenantedge/edge/tenant"
	"github.com/tenantedge/tenantedge/guest/abi"
)

// consumerRequest is a handshake that the guest is to answer: it was routed,
// and holds what the host knows of it.
type consumerRequest struct {
	Tenant    *tenant.Tenant
	Route     string // name of the websocket route that matched
	Kwargs    string // its values as one JSON object; empty: none
	Protocols []string
	// Header is the request's, by canonical names. The guest sees those
	// headers that it asked for when it was configured.
	Header http.Header
	// Scope is the tenant's part of the channel layer; nil: there are no groups.
	Scope channel.Scope
	// Logger gets what goes wrong with the tenant's websockets; nil: the Host's.
	Logger *slog.Logger
}

// Refused is a handshake that gets an HTTP status in place of a websocket: the
// guest wants it so, or what it needs is not there. The reason is for logs.
type Refused struct {
	Status int // 4xx or 5xx
	Reason string
}

func (r *Refused) Error() string {
	return fmt.Sprintf("edge: websocket refused with %d: %s", r.Status, r.Reason)
}

// consumer is one websocket that the guest handles. It is the handler of the
// hub's connection, and the receiver of the channel that the connection has as
// long as it is in groups. There is one for each idle websocket, so it is kept
// small.
type consumer struct {
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

// openConsumer runs the guest's open event. With neither *Refused nor error the
// handshake is to be accepted with the consumer as its handler and Protocol as
// its subprotocol; if that fails, abandon must be called. What the guest wants
// sent goes out when the hub calls Open. The error is one of package guests.
func (h *Host) openConsumer(ctx context.Context, r consumerRequest) (*consumer, *Refused, error) {
	g, i, err := h.guests.Borrow(ctx)
	if err != nil {
		return nil, nil, err
	}
	headers := g.Configured().ConsumerHeaders
	if !g.Configured().Consumer {
		g.Return(i)
		return nil, &Refused{http.StatusServiceUnavailable, "the guest handles no websockets"}, nil
	}
	c := &consumer{place: h.consumers.enter(h, &r), busy: true}
	e := effects{place: c.place, opening: true, offered: r.Protocols}
	err = c.call(ctx, g, i, instance.SocketOpen, func(buf []byte) int { return encodeHandshake(buf, headers, c.place, &r) }, &e)
	if err != nil {
		c.release()
		return nil, nil, err
	}
	if e.status != 0 {
		c.release()
		return nil, &Refused{e.status, "the guest refuses it"}, nil
	}
	if err := c.join(&e); err != nil {
		c.release()
		return nil, &Refused{http.StatusServiceUnavailable, err.Error()}, nil
	}
	h.consumers.keepOpening(c, &e)
	return c, nil, nil
}

// Protocol is the subprotocol that the guest chose, one of those offered; empty
// if it chose none. It holds until the handshake is answered.
func (c *consumer) Protocol() string {
	q := &c.place.host.consumers
	q.mu.Lock()
	defer q.mu.Unlock()
	if e := q.openings[c]; e != nil {
		return e.protocol
	}
	return ""
}

// abandon lets go of a consumer whose handshake failed after openConsumer. The
// guest hears nothing of it: nothing that it wanted has happened yet.
func (c *consumer) abandon() {
	c.mu.Lock()
	c.ended = true
	c.mu.Unlock()
	c.place.host.consumers.takeOpening(c)
	c.release()
}

// Open implements sockets.Handler.
func (c *consumer) Open(conn *sockets.Conn) {
	c.mu.Lock()
	c.conn = conn
	ending := c.ending
	c.mu.Unlock()
	if ending != 0 {
		c.shut(ending)
	}
	defer c.yield()
	if e := c.place.host.consumers.takeOpening(c); e != nil {
		c.apply(e)
	}
}

// Message implements sockets.Handler. Until the guest is done with the message
// the hub reads nothing more from the client. If it cannot be run now, it waits
// as events of groups do, and keeps none of the hub's workers.
func (c *consumer) Message(conn *sockets.Conn, op sockets.Op, payload []byte) {
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
func (c *consumer) Closed(_ *sockets.Conn, code sockets.Code, reason string) {
	e := newEvent(instance.SocketClose)
	e.word, e.data = uint32(code)<<abi.EventCodeShift, []byte(reason)
	c.mu.Lock()
	defer c.mu.Unlock()
	c.queue(e)
	c.ended = true
	c.stopTimer()
}

// Receive implements channel.Receiver.
func (c *consumer) Receive(m *channel.Message) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	switch {
	case c.ended:
		return true
	case c.waiting >= maxWaiting:
		return false
	case c.events == nil && (!c.busy || c.said) && forClient(m):
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
func (c *consumer) forward(m *channel.Message) {
	f := forwardOf(m)
	if f.malformed && c.channel != nil {
		c.channel.Malformed()
	}
	f.to(c.conn)
}

// Interrupted implements channel.Receiver: a client whose socket may have
// missed something is to come again.
func (c *consumer) Interrupted(err error) {
	switch {
	case err == nil:
	case errors.Is(err, channel.ErrClosed):
		c.shut(sockets.CodeGoingAway)
	default:
		if c.shut(sockets.CodeRestart) {
			c.place.host.consumers.interrupted.Add(1)
		}
	}
}

// shut closes the connection, or has it closed when it is there. It reports
// whether nothing else closed it before.
func (c *consumer) shut(code sockets.Code) (first bool) {
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
func (c *consumer) release() {
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
	c.place.host.consumers.leave(c.place)
}

var (
	_ sockets.Handler  = (*consumer)(nil)
	_ channel.Receiver = (*consumer)(nil)
)
