package sockets

import (
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"unicode/utf8"

	"github.com/gobwas/ws"
)

// ErrClosed is what sending on a connection returns once it is closing, for
// whatever reason; the handler's Closed tells which.
var ErrClosed = errors.New("sockets: connection is closed")

// ErrCode refuses a close code that no close frame may carry.
var ErrCode = errors.New("sockets: expected a close code of 1000-1003, 1007-1014 or 3000-4999")

// ErrText refuses text that is not UTF-8: a peer would have to fail the
// connection for it.
var ErrText = errors.New("sockets: expected text to be valid UTF-8")

// Conn is an accepted websocket. All methods are safe for use by any number of
// goroutines, and none of them waits for the peer save Drained. The order of its
// fields leaves no gap: there is one for each idle connection.
type Conn struct {
	hub       *Hub
	stream    stream
	handler   Handler
	tenant    *tenant
	member    membership
	deflate   *compression
	id        uint64
	parser    *parser // nil between messages
	deadline  deadline
	nextReady *Conn // the next one in the queue of workers
	flags     atomic.Uint32

	// Of the one that serves the connection: a worker, or its goroutine.
	phase         phase
	pinged        bool
	backlogged    bool // the queue was not empty when it was last served
	noWait        bool // the peer is not to be waited for
	closeReceived bool // the peer's close frame has come
	hangup        hangup
	isRelay       bool // its handler is a *relayEnd
	toUpstream    bool // it leads to an upstream: here is the client
	receivedAt    uint32
	messageAt     uint32

	mu         sync.Mutex
	progressAt uint32
	out        queue
	writing    bool
	closing    bool // a close frame is queued; nothing comes behind it
	tooSlow    bool // the queue is to be cut as soon as nobody writes
	broken     bool // writing failed
	paused     bool // its handler wants nothing more for now
	calling    bool // its handler is being called, by the one that serves it
	code       Code // what it was closed with

	extra *extra // under mu; nil: there is nothing
}

// phase is how far a connection is on its way out.
type phase uint8

const (
	phaseOpen     phase = iota
	phaseClosing        // a close frame is queued or sent
	phaseDraining       // all is said; what still comes is discarded, since closing over unread bytes resets
	phaseClosed
)

// hangup is how far the peer has ended its side.
type hangup uint8

const (
	hangupNone     hangup = iota
	hangupReported        // it has: read to the end
	hangupRead            // its end has been read; it may still read
)

// What is to be done for a connection, in Conn.flags.
const (
	flagScheduled uint32 = 1 << iota // it is queued, or being served
	flagRead
	flagHangup  // the peer has ended its side: read to the end
	flagTimer   // its deadline has passed
	flagFlush   // there is something to write
	flagAdvance // it was closed from here
	flagAbort   // drop it
	flagNoWait  // the other side of its relay is done: the peer is not to be waited for
	flagBlocked // the kernel took no more; the loop tells when it does
	flagClosing // a close frame is queued; it stays set

	// flagsSteady are states; the others ask for something to be done.
	flagsSteady = flagScheduled | flagBlocked | flagClosing
)

// ID is the connection's number, never used again by its hub.
func (c *Conn) ID() uint64 { return c.id }

// Tenant is the key that the handshake was accepted with.
func (c *Conn) Tenant() string { return c.tenant.key }

// Polled reports whether the connection is held without a goroutine.
func (c *Conn) Polled() bool { return c.stream.isPolled() }

// Send queues a message. The payload is copied, and leaves with other messages
// in one write where it can. A peer that reads too slowly is closed with 1013,
// of which ErrClosed is told from then on.
func (c *Conn) Send(op Op, payload []byte) error {
	if op == Text && !utf8.Valid(payload) {
		return ErrText
	}
	c.mu.Lock()
	if c.closing || c.broken {
		c.mu.Unlock()
		return ErrClosed
	}
	before := c.out.size
	if c.deflate == nil || len(payload) < c.hub.config.CompressAbove || !c.queueCompressed(op, payload) {
		b := appendHeader(c.out.room(maxHeader+len(payload)), ws.OpCode(op), false, len(payload))
		c.out.put(append(b, payload...))
	}
	c.limitQueue(before)
	c.mu.Unlock()
	c.hub.counters.sent.Add(1)
	c.schedule(flagFlush)
	return nil
}

// SendFrame queues a message that was built before, for many connections.
func (c *Conn) SendFrame(f *Frame) error {
	c.mu.Lock()
	if c.closing || c.broken {
		c.mu.Unlock()
		return ErrClosed
	}
	before := c.out.size
	frame := f.plain
	if d := c.deflate; d != nil && len(f.payload) >= c.hub.config.CompressAbove {
		switch {
		case !d.writeTakeover && d.writeBits == maxWindowBits:
			if squeezed := f.deflated(); squeezed != nil {
				frame = squeezed
			}
		case c.queueCompressed(f.op, f.payload):
			frame = nil
		}
	}
	if frame != nil {
		c.out.share(frame)
	}
	c.limitQueue(before)
	c.mu.Unlock()
	c.hub.counters.sent.Add(1)
	c.schedule(flagFlush)
	return nil
}

// squeeze queues a message compressed, if that makes it smaller.
func (c *Conn) queueCompressed(op Op, payload []byte) bool {
	d := getDeflater(c.deflate.writeBits)
	defer d.release()
	body := d.compress(payload, c.deflate.wrote)
	if len(body) >= len(payload) {
		return false
	}
	b := appendHeader(c.out.room(maxHeader+len(body)), ws.OpCode(op), true, len(body))
	c.out.put(append(b, body...))
	if c.deflate.writeTakeover {
		c.deflate.wrote = appendWindow(c.deflate.wrote, payload, c.deflate.writeBits)
	}
	return true
}

// grown counts what was added to the queue, and tells how much waits for the
// tenant's readers.
func (c *Conn) countQueued(before int) (waiting int64) {
	if before == 0 {
		c.progressAt = c.hub.tick.Load()
	}
	return c.tenant.queued.Add(int64(c.out.size - before))
}

// queued holds the queue to its limits after something was added.
func (c *Conn) limitQueue(before int) {
	waiting := c.countQueued(before)
	limit := c.hub.config.MaxQueue
	if c.isRelay {
		limit += middleBuffer // one read may come on top: it is the other side that stops
	}
	most := c.tenant.maxQueued.Load()
	if before == 0 || before < limit && (most == 0 || waiting-int64(c.out.size-before) < most) {
		return
	}
	c.hub.counters.slow.Add(1)
	c.setClosing(errSlowReader.code, errSlowReader.reason)
	c.tooSlow = true
	if !c.writing {
		c.dropQueue()
	}
}

// cut drops what waits for a reader that is too slow, and says why.
func (c *Conn) dropQueue() {
	before := c.out.size
	c.tooSlow = false
	c.out.truncate()
	c.appendControl(ws.OpClose, ws.NewCloseFrameBody(ws.StatusCode(c.code), c.reason()))
	c.tenant.queued.Add(int64(c.out.size - before))
}

// seal decides how the connection ends; only the first call counts.
func (c *Conn) setClosing(code Code, reason string) {
	c.closing, c.code = true, code
	if reason != c.reason() {
		c.ensureExtra().reason = reason
	}
	c.flags.Or(flagAdvance | flagClosing)
	c.wakeWaiters()
}

// control queues a control frame.
func (c *Conn) appendControl(op ws.OpCode, payload []byte) {
	if c.toUpstream {
		frame := ws.MustCompileFrame(ws.MaskFrame(ws.NewFrame(op, true, payload)))
		c.out.put(append(c.out.room(len(frame)), frame...))
		return
	}
	b := appendHeader(c.out.room(maxHeader+len(payload)), op, false, len(payload))
	c.out.put(append(b, payload...))
}

// say queues a control frame unless the connection is closing. Behind a long
// message it must not make its peer a slow reader; a peer that asks for more of
// them than it reads is not listened to, save in a relay.
func (c *Conn) queueControl(op ws.OpCode, payload []byte) {
	c.mu.Lock()
	if !c.closing && !c.broken {
		before := c.out.size
		c.appendControl(op, payload)
		if c.isRelay {
			c.limitQueue(before)
		} else {
			c.countQueued(before)
		}
	}
	c.mu.Unlock()
}

// Close starts the close handshake; what was sent before still goes out. A
// second call does nothing. The reason is cut to what a close frame holds.
func (c *Conn) Close(code Code, reason string) error {
	if !code.Sendable() {
		return fmt.Errorf("%w, found %d", ErrCode, code)
	}
	if !utf8.ValidString(reason) {
		return ErrText
	}
	c.startClose(code, truncateReason(reason))
	return nil
}

// CloseWith is Close without a reason, for a code that can be sent. It reports
// whether this call, and no earlier one and no peer, started the close handshake.
func (c *Conn) CloseWith(code Code) (started bool) { return c.startClose(code, "") }

func (c *Conn) startClose(code Code, reason string) bool {
	started := c.queueClose(code, reason, ws.NewCloseFrameBody(ws.StatusCode(code), reason))
	c.schedule(flagAdvance)
	return started
}

// shut queues a close frame as the last one, and reports whether it is the first.
func (c *Conn) queueClose(code Code, reason string, body []byte) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.closing {
		return false
	}
	c.setClosing(code, reason)
	if c.broken {
		return true // nothing is written any more
	}
	before := c.out.size
	c.appendControl(ws.OpClose, body)
	c.tenant.queued.Add(int64(c.out.size - before))
	return true
}

// Pause has nothing more read from the peer, so that TCP slows it down, until
// Resume. In Message, the message is the last one before the pause. The peer's
// silence is not held against it meanwhile.
func (c *Conn) Pause() {
	c.mu.Lock()
	c.paused = true
	c.mu.Unlock()
}

// Resume ends a pause.
func (c *Conn) Resume() {
	c.mu.Lock()
	was := c.paused
	c.paused = false
	c.wakeWaiters()
	c.mu.Unlock()
	if was {
		c.schedule(flagRead)
	}
}
