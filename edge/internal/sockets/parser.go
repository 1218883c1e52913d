package sockets

import (
	"sync"

	"github.com/gobwas/ws"
)

// parser takes a peer's bytes as they come, in pieces of any size, and gives
// messages and control frames. It never waits inside a frame. A connection has
// one while there is something to remember of what its peer sent.
type parser struct {
	early      []byte // what has been read, with the handshake or before a pause, and not parsed
	message    []byte // what has come of a message in pieces
	control    []byte // what has come of a control frame in pieces
	lastBuffer []byte // the buffer of the event before, to be recycled
	charge     charge // of given, if it was inflated
	remaining  int64  // bytes of the frame that are still to come
	mask       [4]byte
	head       [maxHeader]byte // the start of a header whose rest is to come
	headLen    uint8
	maskAt     uint8
	text       textCheck
	frameOp    ws.OpCode
	messageOp  ws.OpCode
	inFrame    bool
	fin        bool
	fragmented bool // a fragmented message is under way
	compressed bool // the message is compressed
}

// rules are what a parser holds its peer to.
type rules struct {
	maxFrame   int64 // on the wire
	maxMessage int64 // on the wire, and inflated
}

// event is a message or a control frame; op 0 means that more bytes are needed.
// The payload is valid until the parser is called again, or recycles it.
type event struct {
	op      ws.OpCode
	payload []byte
}

// next takes bytes from the start of b, tells how many, and returns an event
// when they complete one. It unmasks in place: b is the parser's. A non-nil
// deflate means that compression was negotiated.
func (p *parser) next(b []byte, r *rules, deflate *compression) (ev event, n int, err *failure) {
	p.recycle()
	for {
		if !p.inFrame {
			taken, ready, err := p.header(b[n:], r, deflate)
			n += taken
			if err != nil || !ready {
				return ev, n, err
			}
		}
		if p.remaining > 0 && n == len(b) {
			return ev, n, nil
		}
		chunk := b[n:]
		if int64(len(chunk)) > p.remaining {
			chunk = chunk[:p.remaining]
		}
		n += len(chunk)
		ws.Cipher(chunk, p.mask, int(p.maskAt))
		p.maskAt = uint8((int(p.maskAt) + len(chunk)) & 3)
		p.remaining -= int64(len(chunk))
		whole := p.remaining == 0
		p.inFrame = !whole
		if p.frameOp.IsControl() {
			if ev, ok := p.controlFrame(chunk, whole); ok {
				return ev, n, nil
			}
			continue
		}
		ev, err := p.dataFrame(chunk, whole, r, deflate)
		if err != nil || ev.op != 0 {
			return ev, n, err
		}
	}
}

// header takes a header, which may come in pieces, and starts its frame.
func (p *parser) header(b []byte, r *rules, deflate *compression) (n int, ready bool, err *failure) {
	from := b
	if p.headLen > 0 {
		n = copy(p.head[p.headLen:], b)
		from = p.head[:int(p.headLen)+n]
	}
	h, size, err := parseHeader(from)
	if err != nil {
		return n, false, err
	}
	if size == 0 {
		if p.headLen == 0 {
			n = copy(p.head[:], b)
		}
		p.headLen += uint8(n)
		return n, false, nil
	}
	n = size - int(p.headLen)
	p.headLen = 0
	if err := p.check(h, r, deflate != nil); err != nil {
		return n, false, err
	}
	p.inFrame, p.frameOp, p.mask, p.maskAt, p.remaining = true, h.OpCode, h.Mask, 0, h.Length
	if h.OpCode.IsControl() {
		return n, true, nil
	}
	p.fin = h.Fin
	if h.OpCode != ws.OpContinuation {
		p.messageOp, p.compressed, p.text = h.OpCode, h.Rsv != 0, textCheck{}
	}
	p.fragmented = !h.Fin
	return n, true, nil
}

// check holds a header against the protocol and the limits.
func (p *parser) check(h ws.Header, r *rules, extended bool) *failure {
	if err := checkHeader(h, ws.StateServerSide, p.fragmented, extended); err != nil || h.OpCode.IsControl() {
		return err
	}
	if h.Length > r.maxFrame {
		return errFrameTooBig
	}
	if h.Length > r.maxMessage-int64(len(p.message)) {
		return errMessageTooBig
	}
	return nil
}

// checkHeader holds the header of a frame that came to side against the
// protocol. open says that a fragmented message is under way, extended that
// compression was negotiated.
func checkHeader(h ws.Header, side ws.State, open, extended bool) *failure {
	if open {
		side = side.Set(ws.StateFragmented)
	}
	rsv := h.Rsv
	if extended && (h.OpCode == ws.OpText || h.OpCode == ws.OpBinary) {
		rsv &^= ws.Rsv(true, false, false)
	}
	if rsv != 0 {
		return errReservedBits
	}
	if err := ws.CheckHeader(h, side.Set(ws.StateExtended)); err != nil {
		return &failure{CodeProtocol, err.Error()}
	}
	return nil
}

func (p *parser) controlFrame(chunk []byte, whole bool) (event, bool) {
	if whole && len(p.control) == 0 {
		return event{p.frameOp, chunk}, true
	}
	p.control = append(p.control, chunk...)
	if !whole {
		return event{}, false
	}
	ev := event{p.frameOp, p.control}
	p.control = nil
	return ev, true
}

func (p *parser) dataFrame(chunk []byte, whole bool, r *rules, deflate *compression) (event, *failure) {
	last := whole && p.fin
	if p.messageOp == ws.OpText && !p.compressed && (!p.text.next(chunk) || last && !p.text.complete()) {
		return event{}, errUTF8
	}
	payload := chunk
	if !last || len(p.message) > 0 {
		p.message = appendBuffer(p.message, chunk)
		payload = p.message
	}
	if !last {
		return event{}, nil
	}
	p.lastBuffer, p.message = p.message, nil
	if !p.compressed {
		return event{p.messageOp, payload}, nil
	}
	inflated, err := deflate.inflate(payload, r.maxMessage, p.messageOp == ws.OpText, &p.charge)
	if p.lastBuffer != nil {
		putBuffer(p.lastBuffer)
	}
	p.lastBuffer = inflated
	return event{p.messageOp, inflated}, err
}

// recycle ends the event before: its payload is valid no more.
func (p *parser) recycle() {
	if p.lastBuffer != nil {
		putBuffer(p.lastBuffer)
		p.lastBuffer = nil
	}
	p.charge.end()
}

var parsers = sync.Pool{New: func() any { return new(parser) }}

// idle reports whether there is nothing to remember.
func (p *parser) idle() bool {
	return p.headLen == 0 && !p.inFrame && !p.fragmented && p.early == nil
}

// release gives the parser and its buffers back.
func (p *parser) release() {
	p.recycle()
	if p.message != nil {
		putBuffer(p.message)
	}
	*p = parser{}
	parsers.Put(p)
}
