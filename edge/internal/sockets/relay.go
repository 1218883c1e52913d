package sockets

import (
	"bytes"
	"encoding/binary"
	"net/http"
	"sync/atomic"

	"github.com/gobwas/ws"
)

// Relay opens the websocket and relays it to an upstream, which it takes over: it
// closes the upstream after an error, too. It forwards messages unchanged,
// compressed or not, in fragments as they arrive, and never buffers a complete
// message; a peer that reads slowly slows the other one down. Each side answers
// pings and has its own close handshake; codes and reasons are forwarded. The
// hub's limits for frames and messages and the tenant's rate apply to the client's
// messages only.
//
// header is added to the response. An error means that the connection to the
// client is lost.
func (s *Handshake) Relay(up *Upstream, header http.Header) (*Conn, error) {
	c := s.conn
	r := &relay{
		up:     Conn{hub: s.hub, id: s.hub.lastID.Add(1), tenant: c.tenant, isRelay: true, toUpstream: true},
		client: relayEnd{masked: true, compressed: up.extension != ""},
		server: relayEnd{other: c, compressed: up.extension != ""},
	}
	u := &r.up
	r.client.other = u
	c.isRelay, c.handler, u.handler = true, &r.client, &r.server
	conn, err := s.upgrade(header, up.protocol, up.extension)
	if err != nil {
		up.Close()
		return nil, err
	}
	u.keepEarly(up.reader)
	s.hub.open.Add(1)
	s.hub.counters.upstreams.Add(1)
	// Attach both before starting either: each of them sends on the other.
	s.hub.attach(u, up.conn)
	s.hub.attach(c, conn)
	s.hub.enlist(c)
	s.hub.start(u)
	s.hub.start(c)
	return c, nil
}

// relay is the state of a relay besides the client's connection.
type relay struct {
	up             Conn
	client, server relayEnd
}

// relayEnd is the handler of one of the two connections of a relay: it parses the
// headers of frames, and forwards frames to the other connection. A frame that
// arrives in parts is forwarded as fragments, so that control frames of our own
// can go between them at any time. The fields are ordered with little padding,
// since each idle relay has two.
type relayEnd struct {
	other       *Conn
	partial     *[maxControl]byte // an incomplete header or control frame; nil: none
	remaining   int64             // bytes of the frame
	messageSize int64             // of the message so far
	mask        [4]byte
	partialLen  uint8     // bytes in partial
	op          ws.OpCode // of the next fragment
	rsv         byte      // of the next fragment
	fin         bool      // of the frame
	fragmented  bool      // a message is incomplete

	masked     bool // the peer is a client
	compressed bool
	state      atomic.Uint32 // read by the other side too
}

// Parts of relayEnd.state.
const (
	// stateCode is the mask of closeCode.
	stateCode = 1<<16 - 1
	// stateAwaited: the other connection waits for room in this one's queue.
	stateAwaited = 1 << 16
	// stateViolation: the code is for a violation of the peer.
	stateViolation = 1 << 17
)

// closeCode returns the code of the peer's close frame, or the one that the peer
// will get for a violation; 0: neither.
func (e *relayEnd) closeCode() Code { return Code(e.state.Load() & stateCode) }

// keepPartial appends to an incomplete header or control frame.
func (e *relayEnd) keepPartial(b []byte) {
	if e.partial == nil {
		e.partial = new([maxControl]byte)
	}
	e.partialLen += uint8(copy(e.partial[e.partialLen:], b))
}

// other returns the connection that c's messages are forwarded to.
func (c *Conn) other() *Conn { return c.handler.(*relayEnd).other }

// maxControl is the largest size of a control frame.
const maxControl = maxHeader + ws.MaxControlFramePayloadSize

// relay handles input of one side.
func (c *Conn) relay(b []byte) {
	e := c.handler.(*relayEnd)
	for len(b) > 0 && c.phase <= phaseClosing && !c.noWait && !c.closeReceived {
		if e.remaining > 0 {
			n := int(min(int64(len(b)), e.remaining))
			e.fragment(b[:n])
			b = b[n:]
			continue
		}
		n, err := e.completeFrames(c, b)
		if n > 0 {
			e.forward(b[:n], nil)
			b = b[n:]
		} else if err == nil {
			n, err = e.partialFrame(c, b)
			b = b[n:]
		}
		if err != nil {
			e.violated(c, err)
			return
		}
	}
	if c.parser != nil && c.parser.early == nil {
		c.parser.release() // it only had input read with the handshake
		c.parser = nil
	}
}

// completeFrames returns the size of the complete data frames at the start of b,
// which can be forwarded unchanged. The failure is that of the frame after them.
func (e *relayEnd) completeFrames(c *Conn, b []byte) (n int, failed *failure) {
	for e.partialLen == 0 {
		h, size, err := parseHeader(b[n:])
		if err != nil || size == 0 || h.OpCode.IsControl() || h.Length > int64(len(b)-n-size) {
			break
		}
		if failed := e.countFrame(c, h); failed != nil {
			return n, failed
		}
		e.transferred(c, int(h.Length))
		n += size + int(h.Length)
	}
	return n, nil
}

// partialFrame handles the start of an incomplete data frame, or a control frame or
// part of it. It returns the number of bytes it has consumed.
func (e *relayEnd) partialFrame(c *Conn, b []byte) (n int, failed *failure) {
	had := int(e.partialLen)
	head := b
	if had > 0 {
		e.keepPartial(b)
		head = e.partial[:e.partialLen]
	}
	h, size, failed := parseHeader(head)
	if failed != nil {
		return 0, failed
	}
	need := size
	if size > 0 && h.OpCode.IsControl() {
		if failed := e.check(h); failed != nil {
			return 0, failed
		}
		need += int(h.Length)
	}
	if size == 0 || len(head) < need {
		if had == 0 {
			e.keepPartial(b)
		}
		return len(b), nil
	}
	e.partial, e.partialLen = nil, 0
	if !h.OpCode.IsControl() {
		if failed := e.countFrame(c, h); failed != nil {
			return 0, failed
		}
		e.remaining, e.fin, e.mask = h.Length, h.Fin, h.Mask
		if e.op = h.OpCode; h.Length == 0 {
			e.fragment(nil)
		}
		return need - had, nil
	}
	payload := bytes.Clone(head[size:need])
	if h.Masked {
		ws.Cipher(payload, h.Mask, 0)
	}
	switch h.OpCode {
	case ws.OpPing:
		c.queueControl(ws.OpPong, payload)
	case ws.OpClose:
		e.closedByPeer(c, payload)
	}
	return need - had, nil
}

func (e *relayEnd) check(h ws.Header) *failure {
	side := ws.StateClientSide
	if e.masked {
		side = ws.StateServerSide
	}
	return checkHeader(h, side, e.fragmented, e.compressed)
}

// countFrame checks the header of a data frame against the protocol and, for a
// client's, the limits, and counts the frame.
func (e *relayEnd) countFrame(c *Conn, h ws.Header) *failure {
	if failed := e.check(h); failed != nil {
		return failed
	}
	if e.masked {
		switch rules := &c.hub.rules; {
		case h.Length > rules.maxFrame:
			return errFrameTooBig
		case h.Length > rules.maxMessage-e.messageSize:
			return errMessageTooBig
		case h.Fin && !c.tenant.admit(c.hub.now):
			c.hub.counters.limited.Add(1)
			return errRate
		}
	}
	e.rsv, e.fragmented = h.Rsv, !h.Fin
	e.messageSize += h.Length
	if !h.Fin {
		return nil
	}
	e.messageSize = 0
	c.messageAt = c.receivedAt
	if e.masked {
		c.hub.counters.received.Add(1)
	} else {
		c.hub.counters.sent.Add(1)
	}
	return nil
}

// transferred counts a part of the payload of the peer's messages.
func (e *relayEnd) transferred(c *Conn, n int) {
	if e.masked {
		c.tenant.received(n)
	} else {
		c.tenant.sent(n)
	}
}

// fragment forwards a part of a frame's payload, as a fragment.
func (e *relayEnd) fragment(body []byte) {
	e.transferred(e.other, len(body))
	e.remaining -= int64(len(body))
	first := byte(e.op) | e.rsv<<4
	if e.fin && e.remaining == 0 {
		first |= 0x80
	}
	var space [maxHeader]byte
	head := append(space[:0], first)
	switch n := len(body); {
	case n < 126:
		head = append(head, byte(n))
	case n < 1<<16:
		head = binary.BigEndian.AppendUint16(append(head, 126), uint16(n))
	default:
		head = binary.BigEndian.AppendUint64(append(head, 127), uint64(n))
	}
	if e.masked {
		head[1] |= 0x80
		head = append(head, e.mask[:]...)
	}
	e.forward(head, body)
	// The next fragment is a continuation, masked with the rotated key.
	e.op, e.rsv = ws.OpContinuation, 0
	rotated := e.mask
	for i := range e.mask {
		e.mask[i] = rotated[(i+len(body))&3]
	}
}

// forward queues bytes on the other side.
func (e *relayEnd) forward(head, body []byte) {
	o := e.other
	o.mu.Lock()
	if o.closing || o.broken {
		o.mu.Unlock()
		return
	}
	before := o.out.size
	o.out.put(append(append(o.out.room(len(head)+len(body)), head...), body...))
	o.limitQueue(before)
	o.mu.Unlock()
	if o.stream.isPolled() {
		o.flags.Or(flagFlush) // flushOther follows
	} else {
		o.schedule(flagFlush)
	}
}

// flushOther writes what was forwarded to the other side. A worker serves the other
// side itself, with its buffer, unless another worker does: scheduling it would cost
// more than the write. buffer is nil for other goroutines.
func (c *Conn) flushOther(buffer []byte) {
	o := c.other()
	switch {
	case o.flags.Load()&flagFlush == 0 || !o.stream.isPolled():
	case buffer == nil:
		o.schedule(flagFlush)
	case o.flags.Or(flagScheduled)&flagScheduled == 0:
		o.serve(buffer)
	}
}

// relayBlocked reports whether c must not be read from until the other side has
// room in its queue. Then releaseRelay of the other side schedules c. stateAwaited is
// not cleared if there is room after all: scheduling c without need does no harm.
func (c *Conn) relayBlocked() bool {
	o := c.other()
	if c.noWait || c.closeReceived || c.phase > phaseClosing || o.hasRoom() {
		return false
	}
	o.handler.(*relayEnd).state.Or(stateAwaited)
	return !o.hasRoom() // room since the first check would have gone unnoticed
}

// releaseRelay schedules the other side if it waits for room in c.
func (c *Conn) releaseRelay() {
	if e := c.handler.(*relayEnd); e.state.Load()&stateAwaited != 0 && c.hasRoom() && e.state.And(^uint32(stateAwaited))&stateAwaited != 0 {
		e.other.schedule(flagRead)
	}
}

func (c *Conn) hasRoom() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.closing || c.broken || c.out.size <= c.hub.config.MaxQueue/2
}

// Open implements Handler.
func (*relayEnd) Open(*Conn) {}

// Message implements Handler. It is not called: a relay forwards frames.
func (*relayEnd) Message(*Conn, Op, []byte) {}

// closedByPeer forwards a close frame. The peer gets its answer when the other side
// has answered, after the messages of the other side.
func (e *relayEnd) closedByPeer(c *Conn, payload []byte) {
	code, reason, failed := parseClose(payload)
	if failed != nil {
		e.violated(c, failed)
		return
	}
	c.closeReceived = true
	e.state.Or(uint32(code)) // once: input after a close frame is ignored
	if !e.other.closeForViolation() {
		e.other.queueClose(code, reason, payload)
		e.other.schedule(flagAdvance)
	}
}

// violated ends the relay for a violation of a peer. A client gets its close frame
// when the upstream has answered, or CloseTimeout has passed: after the upstream's
// replies to earlier messages, as from a server that reads and writes in turn.
func (e *relayEnd) violated(c *Conn, failed *failure) {
	if c.toUpstream {
		c.fail(failed)
		return
	}
	c.noWait = true
	c.mu.Lock()
	if !c.closing {
		c.ensureExtra().reason = failed.reason // for closeForViolation
	}
	c.mu.Unlock()
	e.state.Or(stateViolation | uint32(failed.code))
	_ = e.other.Close(CodeGoingAway, "")
}

// closeForViolation sends a client the close frame for its violation, if any, and
// reports whether there was one.
func (c *Conn) closeForViolation() bool {
	shared := c.handler.(*relayEnd).state.Load()
	if shared&stateViolation == 0 {
		return false
	}
	c.mu.Lock()
	reason := c.reason()
	c.mu.Unlock()
	_ = c.Close(Code(shared&stateCode), reason)
	return true
}

// Closed ends the other side, unless the other side ended this one.
func (e *relayEnd) Closed(c *Conn, code Code, _ string) {
	o := e.other
	switch {
	case o.handler.(*relayEnd).closeCode() != 0:
		// The other peer has closed, and this one has to answer. If it does not, terminate does.
	case c.toUpstream: // the connection was lost, or the upstream violated the protocol
		_ = o.Close(CodeBadGateway, "")
	case code == CodeAbnormal: // the client closed without a close handshake
		o.finish()
	default: // closed by the edge, for a reason that does not concern the upstream
		_ = o.Close(CodeGoingAway, "")
	}
}

// finish closes the connection after the queue is written, without a close frame
// unless one is queued already.
func (c *Conn) finish() {
	c.mu.Lock()
	if !c.closing {
		c.setClosing(CodeAbnormal, "")
	}
	c.mu.Unlock()
	c.schedule(flagAdvance | flagNoWait)
}

// answerClose answers the other side's close frame instead of the peer, whose
// connection is closed.
func (e *relayEnd) answerClose() {
	code := e.other.handler.(*relayEnd).closeCode()
	switch {
	case code == 0 || e.other.closeForViolation():
	case code == CodeNoStatus:
		e.other.queueClose(code, "", nil)
		e.other.schedule(flagAdvance)
	default:
		_ = e.other.Close(code, "") // a received code is sendable
	}
}

var _ Handler = (*relayEnd)(nil)
