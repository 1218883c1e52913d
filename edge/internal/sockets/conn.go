package sockets

import (
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"unicode/utf8"

	"github.com/gobwas/ws"
)

// ErrClosed is the error of sending on a connection that is closing or closed.
// Handler.Closed gets the reason.
var ErrClosed = errors.New("sockets: connection is closed")

// ErrCode is the error for a code that a close frame may not carry.
var ErrCode = errors.New("sockets: expected a close code of 1000-1003, 1007-1014 or 3000-4999")

// ErrText is the error for text that is not UTF-8, for which a peer would fail
// the connection.
var ErrText = errors.New("sockets: expected text to be valid UTF-8")

// Conn is an accepted websocket. All methods are safe for concurrent use; only
// WaitWritable waits for the peer. The fields are ordered without padding, since
// each idle connection has a Conn.
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
	nextReady *Conn // the next in the queue of workers
	flags     atomic.Uint32

	// Used by the goroutine that serves the connection: a worker, or its own.
	phase         phase
	pinged        bool
	backlogged    bool // the queue was not empty after the last advance
	noWait        bool // closing does not wait for the peer's close frame
	closeReceived bool // the peer's close frame was received
	hangup        hangup
	isRelay       bool // the handler is a *relayEnd
	toUpstream    bool // the peer is an upstream; this side is the client
	receivedAt    uint32
	messageAt     uint32

	mu         sync.Mutex
	progressAt uint32
	out        queue
	writing    bool
	closing    bool // a close frame is queued; nothing may follow it
	tooSlow    bool // drop the queue when the write in progress ends
	broken     bool // writing failed
	paused     bool // by Pause
	calling    bool // Handler.Message is running
	code       Code // of the close frame

	extra *extra // under mu; nil: empty
}

// phase is the state of the close handshake.
type phase uint8

const (
	phaseOpen     phase = iota
	phaseClosing        // a close frame is queued or sent
	phaseDraining       // the write side is closed; input is discarded, since closing with unread input resets the connection
	phaseClosed
)

// hangup is the state of the peer's write side.
type hangup uint8

const (
	hangupNone     hangup = iota
	hangupReported        // epoll reported its end: read up to it
	hangupRead            // its end was read; the peer may still read
)

// Flags of a connection, in Conn.flags: tasks, and states.
const (
	flagScheduled uint32 = 1 << iota // queued for a worker, or being served
	flagRead
	flagHangup  // the peer closed its write side: read to the end
	flagTimer   // the deadline has passed
	flagFlush   // write the queue
	flagAdvance // a close handshake was started on this side
	flagAbort   // drop the connection
	flagNoWait  // the other side of the relay is closed: do not wait for the peer
	flagBlocked // the kernel's buffer is full; the poller sets flagFlush when it has room
	flagClosing // a close frame is queued; never cleared

	// flagsSteady are the states.
	flagsSteady = flagScheduled | flagBlocked | flagClosing
)

// ID returns the connection's number, which is unique in its hub.
func (c *Conn) ID() uint64 { return c.id }

// Tenant returns Options.Tenant.
func (c *Conn) Tenant() string { return c.tenant.key }

// Polled reports whether epoll watches the connection, without a goroutine.
func (c *Conn) Polled() bool { return c.stream.isPolled() }

// Send queues a message. It copies the payload. One write may carry several
// messages. If the peer reads too slowly, the connection is closed with 1013, and
// Send returns ErrClosed from then on.
func (c *Conn) Send(op Op, payload []byte) error {
	if op == Text && !utf8.Valid(payload) {
		return ErrText
	}
	c.mu.Lock()
	if c.closing || c.broken {
		c.mu.Unlock()
		return ErrClosed
	}
	before, size := c.out.size, 0
	if c.deflate != nil && len(payload) >= c.hub.config.CompressAbove {
		size = c.queueCompressed(op, payload)
	}
	if size == 0 {
		size = len(payload)
		b := appendHeader(c.out.room(maxHeader+len(payload)), ws.OpCode(op), false, len(payload))
		c.out.put(append(b, payload...))
	}
	c.limitQueue(before)
	c.mu.Unlock()
	c.tenant.sent(size)
	c.hub.counters.sent.Add(1)
	c.schedule(flagFlush)
	return nil
}

// SendFrame queues a message that many connections share.
func (c *Conn) SendFrame(f *Frame) error {
	c.mu.Lock()
	if c.closing || c.broken {
		c.mu.Unlock()
		return ErrClosed
	}
	before, size := c.out.size, len(f.payload)
	frame := f.plain
	if d := c.deflate; d != nil && len(f.payload) >= c.hub.config.CompressAbove {
		switch {
		case !d.writeTakeover && d.writeBits == maxWindowBits:
			if compressed := f.deflated(); compressed != nil {
				frame, size = compressed, f.deflatedSize
			}
		default:
			if n := c.queueCompressed(f.op, f.payload); n > 0 {
				frame, size = nil, n
			}
		}
	}
	if frame != nil {
		c.out.share(frame)
	}
	c.limitQueue(before)
	c.mu.Unlock()
	c.tenant.sent(size)
	c.hub.counters.sent.Add(1)
	c.schedule(flagFlush)
	return nil
}

// queueCompressed queues a message compressed, if that makes it smaller. It returns the
// size of the payload, or 0 for a message that it did not queue.
func (c *Conn) queueCompressed(op Op, payload []byte) int {
	d := getDeflater(c.deflate.writeBits)
	defer d.release()
	body := d.compress(payload, c.deflate.wrote)
	if len(body) >= len(payload) {
		return 0
	}
	b := appendHeader(c.out.room(maxHeader+len(body)), ws.OpCode(op), true, len(body))
	c.out.put(append(b, body...))
	if c.deflate.writeTakeover {
		c.deflate.wrote = appendWindow(c.deflate.wrote, payload, c.deflate.writeBits)
	}
	return len(body)
}

// countQueued counts what was added to the queue, and returns the bytes in all
// queues of the tenant.
func (c *Conn) countQueued(before int) (waiting int64) {
	if before == 0 {
		c.progressAt = c.hub.tick.Load()
	}
	return c.tenant.queued.Add(int64(c.out.size - before))
}

// limitQueue enforces the limits of the queue after something was added.
func (c *Conn) limitQueue(before int) {
	waiting := c.countQueued(before)
	limit := c.hub.config.MaxQueue
	if c.isRelay {
		limit += middleBuffer // plus one read: the other side stops reading
	}
	maxQueued := c.tenant.maxQueued.Load()
	if before == 0 || before < limit && (maxQueued == 0 || waiting-int64(c.out.size-before) < maxQueued) {
		return
	}
	c.hub.counters.slow.Add(1)
	c.setClosing(errSlowReader.code, errSlowReader.reason)
	c.tooSlow = true
	if !c.writing {
		c.dropQueue()
	}
}

// dropQueue drops the queue of a slow reader, except a segment that is partly
// written, and queues the close frame.
func (c *Conn) dropQueue() {
	before := c.out.size
	c.tooSlow = false
	c.out.truncate()
	c.appendControl(ws.OpClose, ws.NewCloseFrameBody(ws.StatusCode(c.code), c.reason()))
	c.tenant.queued.Add(int64(c.out.size - before))
}

// setClosing sets the code and the reason. It is called once.
func (c *Conn) setClosing(code Code, reason string) {
	c.closing, c.code = true, code
	if reason != c.reason() {
		c.ensureExtra().reason = reason
	}
	c.flags.Or(flagAdvance | flagClosing)
	c.wakeWaiters()
}

// appendControl appends a control frame to the queue.
func (c *Conn) appendControl(op ws.OpCode, payload []byte) {
	if c.toUpstream {
		frame := ws.MustCompileFrame(ws.MaskFrame(ws.NewFrame(op, true, payload)))
		c.out.put(append(c.out.room(len(frame)), frame...))
		return
	}
	b := appendHeader(c.out.room(maxHeader+len(payload)), op, false, len(payload))
	c.out.put(append(b, payload...))
}

// queueControl queues a control frame unless the connection is closing. It does
// not enforce the queue's limits, so that a pong after a long message does not
// make its peer a slow reader: while the queue is more than half full, no further
// pings are read. A relay does enforce them.
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

// Close starts the close handshake, after the messages in the queue. Later calls
// do nothing. The reason is truncated to 123 bytes.
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

// CloseWith is Close without a reason; the code must be sendable. It reports
// whether this call started the close handshake.
func (c *Conn) CloseWith(code Code) (started bool) { return c.startClose(code, "") }

func (c *Conn) startClose(code Code, reason string) bool {
	started := c.queueClose(code, reason, ws.NewCloseFrameBody(ws.StatusCode(code), reason))
	c.schedule(flagAdvance)
	return started
}

// queueClose queues a close frame, unless one was queued before.
func (c *Conn) queueClose(code Code, reason string, body []byte) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.closing {
		return false
	}
	c.setClosing(code, reason)
	if c.broken {
		return true // the connection cannot be written to
	}
	before := c.out.size
	c.appendControl(ws.OpClose, body)
	c.tenant.queued.Add(int64(c.out.size - before))
	return true
}

// Pause stops reading from the peer until Resume, so that TCP slows it down. When
// Message calls it, no further message follows before Resume. During a pause the
// timeouts for silent and idle peers do not apply.
func (c *Conn) Pause() {
	c.mu.Lock()
	c.paused = true
	c.mu.Unlock()
}

// Resume ends a pause.
func (c *Conn) Resume() {
	c.mu.Lock()
	paused := c.paused
	c.paused = false
	c.wakeWaiters()
	c.mu.Unlock()
	if paused {
		c.schedule(flagRead)
	}
}
