package sockets

import (
	"sync"

	"github.com/gobwas/ws"
)

// parser parses a peer's bytes, in chunks of any size, into messages and control
// frames. It never waits for the rest of a frame. A connection keeps its parser
// only while a frame or a message is incomplete, or input is not parsed yet.
type parser struct {
	early      []byte // input that was read with the handshake or before a pause, and not parsed yet
	message    []byte // the incomplete message
	control    []byte // the incomplete control frame
	lastBuffer []byte // the payload of the last event, to be recycled
	charge     charge // of lastBuffer, if it was inflated
	remaining  int64  // bytes of the frame's payload
	data       int    // bytes of payloads of data frames that taken has not returned
	mask       [4]byte
	head       [maxHeader]byte // an incomplete header
	headLen    uint8
	maskAt     uint8
	text       textCheck
	frameOp    ws.OpCode
	messageOp  ws.OpCode
	inFrame    bool
	fin        bool
	fragmented bool // a fragmented message is incomplete
	compressed bool // the message is compressed
}

// rules are the limits that a parser enforces.
type rules struct {
	maxFrame   int64 // on the wire
	maxMessage int64 // on the wire, and inflated
}

// event is a message or a control frame; op 0 means that more input is needed. The
// payload is valid until the next call of next or recycle.
type event struct {
	op      ws.OpCode
	payload []byte
}

// next parses bytes at the start of b and returns their number, and an event if
// they complete one. It unmasks b in place. A non-nil deflate means that
// compression was negotiated.
func (p *parser) next(b []byte, r *rules, deflate *compression) (ev event, n int, err *failure) {
	p.recycle()
	for {
		if !p.inFrame {
			parsed, ready, err := p.header(b[n:], r, deflate)
			n += parsed
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
		complete := p.remaining == 0
		p.inFrame = !complete
		if p.frameOp.IsControl() {
			if ev, ok := p.controlFrame(chunk, complete); ok {
				return ev, n, nil
			}
			continue
		}
		p.data += len(chunk)
		ev, err := p.dataFrame(chunk, complete, r, deflate)
		if err != nil || ev.op != 0 {
			return ev, n, err
		}
	}
}

// header parses a header, which may arrive in chunks, and starts its frame.
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

// check checks a header against the protocol and the limits.
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

// checkHeader checks the header of a frame that side received against the
// protocol. fragmented means that a fragmented message is incomplete, extended
// that compression was negotiated.
func checkHeader(h ws.Header, side ws.State, fragmented, extended bool) *failure {
	if fragmented {
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

func (p *parser) controlFrame(chunk []byte, complete bool) (event, bool) {
	if complete && len(p.control) == 0 {
		return event{p.frameOp, chunk}, true
	}
	p.control = append(p.control, chunk...)
	if !complete {
		return event{}, false
	}
	ev := event{p.frameOp, p.control}
	p.control = nil
	return ev, true
}

func (p *parser) dataFrame(chunk []byte, complete bool, r *rules, deflate *compression) (event, *failure) {
	last := complete && p.fin
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

// taken returns how many bytes of payloads of data frames were parsed since the last call.
func (p *parser) taken() int {
	n := p.data
	p.data = 0
	return n
}

// recycle releases the payload of the last event.
func (p *parser) recycle() {
	if p.lastBuffer != nil {
		putBuffer(p.lastBuffer)
		p.lastBuffer = nil
	}
	p.charge.end()
}

var parsers = sync.Pool{New: func() any { return new(parser) }}

// idle reports whether the parser has no state.
func (p *parser) idle() bool {
	return p.headLen == 0 && !p.inFrame && !p.fragmented && p.early == nil
}

// release returns the parser and its buffers to their pools.
func (p *parser) release() {
	p.recycle()
	if p.message != nil {
		putBuffer(p.message)
	}
	*p = parser{}
	parsers.Put(p)
}
