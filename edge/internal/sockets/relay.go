package sockets

import (
	"bytes"
	"encoding/binary"
	"net/http"
	"sync/atomic"

	"github.com/gobwas/ws"
)

// Relay opens the websocket and joins it to an upstream's, which it closes in
// any case. Messages pass as they are, compressed or not, in pieces as they
// come: nothing is put together here, and who reads slowly slows the other side
// down. Pings are answered, and the close handshake is made, on each side; codes
// and reasons are carried over. The client's side is held to the tenant's
// limits as any websocket is.
//
// header is added to the answer. An error means that the client was lost.
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
	// Both are held before either is served: each of them sends on the other.
	s.hub.attach(u, up.conn)
	s.hub.attach(c, conn)
	s.hub.enlist(c)
	s.hub.start(u)
	s.hub.start(c)
	return c, nil
}

// relay is what a relay has beside the client's connection.
type relay struct {
	up             Conn
	client, server relayEnd
}

// relayEnd handles one of the two connections of a relay: it looks at the heads
// of frames, and hands pieces on to the other one. Each piece is a frame of its
// own, a fragment where a frame comes in parts, so that at any time a control
// frame of ours can go between them. The order of its fields leaves next to no
// gap: there are two for each idle relay.
type relayEnd struct {
	other       *Conn
	partial     *[maxControl]byte // of a head, or a control frame; nil: there is none
	remaining   int64             // of the frame: what is still to come
	messageSize int64             // of the message, so far
	mask        [4]byte
	partialLen  uint8     // bytes of partial
	op          ws.OpCode // of the next piece
	rsv         byte      // the same
	fin         bool      // of the frame
	fragmented  bool      // a message is under way

	masked     bool // the peer is a client
	compressed bool
	state      atomic.Uint32 // what the other side looks at too
}

// Parts of relayEnd.shared.
const (
	// sharedCode is the code with which the peer has closed, or is to be closed for
	// what it did wrong; 0: neither.
	stateCode = 1<<16 - 1
	// sharedAwaited: the other connection is not read from until this one has room.
	stateAwaited = 1 << 16
	// sharedWrong: the code is for what the peer did wrong.
	stateViolation = 1 << 17
)

// heard is the code with which the peer has closed, or is to be closed for what
// it did wrong; 0: neither.
func (e *relayEnd) closeCode() Code { return Code(e.state.Load() & stateCode) }

// keep keeps what has come of a head, or of a control frame.
func (e *relayEnd) keepPartial(b []byte) {
	if e.partial == nil {
		e.partial = new([maxControl]byte)
	}
	e.partialLen += uint8(copy(e.partial[e.partialLen:], b))
}

// other is the connection that c's messages go to.
func (c *Conn) other() *Conn { return c.handler.(*relayEnd).other }

// maxControl is the longest control frame, with its head.
const maxControl = maxHeader + ws.MaxControlFramePayloadSize

// relay handles bytes of one side.
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
		c.parser.release() // it only held what came with the handshake
		c.parser = nil
	}
}

// whole returns the size of the data frames at the start of b that are there as
// a whole: they pass as they are. The failure is that of the one behind them.
func (e *relayEnd) completeFrames(c *Conn, b []byte) (n int, failed *failure) {
	for e.partialLen == 0 {
		h, size, err := parseHeader(b[n:])
		if err != nil || size == 0 || h.OpCode.IsControl() || h.Length > int64(len(b)-n-size) {
			break
		}
		if failed := e.countFrame(c, h); failed != nil {
			return n, failed
		}
		n += size + int(h.Length)
	}
	return n, nil
}

// begin takes the start of a frame that is not a whole data frame: a control
// frame, or as much of one as there is.
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

// frame holds the head of a data frame against the protocol and, where it is a
// client's, the limits, and counts it.
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

// piece hands on a part of a frame, as a fragment.
func (e *relayEnd) fragment(body []byte) {
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
	// What follows is a continuation, masked from where the key now stands.
	e.op, e.rsv = ws.OpContinuation, 0
	turned := e.mask
	for i := range e.mask {
		e.mask[i] = turned[(i+len(body))&3]
	}
}

// hand queues bytes on the other side.
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
	o.schedule(flagFlush)
}

// heldBack reports whether the other side is to read before this one is listened
// to; its release has this one served again. Whoever asks only looks: what
// awaits a release is not called off, for it may have been asked for before, and
// one too many is nothing.
func (c *Conn) relayBlocked() bool {
	o := c.other()
	if c.noWait || c.closeReceived || c.phase > phaseClosing || o.hasRoom() {
		return false
	}
	o.handler.(*relayEnd).state.Or(stateAwaited)
	return !o.hasRoom() // there may be room just now, which nobody has told
}

// release has the other side served again if it waited for room in this one.
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

// Message implements Handler; a relay has no messages, only pieces.
func (*relayEnd) Message(*Conn, Op, []byte) {}

// closedByPeer hands a close frame on. The peer gets its answer when the other
// side has answered, behind all that the other side had still to say.
func (e *relayEnd) closedByPeer(c *Conn, payload []byte) {
	code, reason, failed := parseClose(payload)
	if failed != nil {
		e.violated(c, failed)
		return
	}
	c.closeReceived = true
	e.state.Or(uint32(code)) // once: nothing is heard behind a close frame
	if !e.other.closeForViolation() {
		e.other.queueClose(code, reason, payload)
		e.other.schedule(flagAdvance)
	}
}

// broke ends the relay for something that a side did wrong. A client is told
// when the upstream has answered, or has had the time to: behind what that still
// said to the messages before, as from a server that reads and writes in turn.
func (e *relayEnd) violated(c *Conn, failed *failure) {
	if c.toUpstream {
		c.fail(failed)
		return
	}
	c.noWait = true
	c.mu.Lock()
	if !c.closing {
		c.ensureExtra().reason = failed.reason // for then
	}
	c.mu.Unlock()
	e.state.Or(stateViolation | uint32(failed.code))
	_ = e.other.Close(CodeGoingAway, "")
}

// failTold tells a client what it did wrong, if it did.
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

// Closed ends the other side, if it was not the other side that ended this one.
func (e *relayEnd) Closed(c *Conn, code Code, _ string) {
	o := e.other
	switch {
	case o.handler.(*relayEnd).closeCode() != 0:
		// The other side's peer closes, and this one's is to answer; if it does not, gone does.
	case c.toUpstream: // it was lost, or broke the protocol
		_ = o.Close(CodeBadGateway, "")
	case code == CodeAbnormal: // as the client went, without a word
		o.finish()
	default: // closed from here, for what is no business of the upstream's
		_ = o.Close(CodeGoingAway, "")
	}
}

// finish ends the connection as soon as all has gone out; there is no close
// frame, unless one waits already.
func (c *Conn) finish() {
	c.mu.Lock()
	if !c.closing {
		c.setClosing(CodeAbnormal, "")
	}
	c.mu.Unlock()
	c.schedule(flagAdvance | flagNoWait)
}

// unanswered answers the other side's close frame in place of a peer that is
// gone.
func (e *relayEnd) answerClose() {
	code := e.other.handler.(*relayEnd).closeCode()
	switch {
	case code == 0 || e.other.closeForViolation():
	case code == CodeNoStatus:
		e.other.queueClose(code, "", nil)
		e.other.schedule(flagAdvance)
	default:
		_ = e.other.Close(code, "") // a code that was heard can be said
	}
}

var _ Handler = (*relayEnd)(nil)
