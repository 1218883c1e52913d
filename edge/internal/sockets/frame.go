package sockets

import (
	"encoding/binary"
	"sync"

	"github.com/gobwas/ws"
)

// Op is the kind of a message.
type Op byte

// The two kinds of messages.
const (
	Text   Op = Op(ws.OpText)
	Binary Op = Op(ws.OpBinary)
)

const maxHeader = ws.MaxHeaderSize

// parseHeader parses a frame's header at the start of p. The size is 0 if p is too
// short. (The function of gobwas/ws needs an io.Reader that blocks.)
func parseHeader(p []byte) (h ws.Header, size int, err *failure) {
	if len(p) < 2 {
		return h, 0, nil
	}
	size = 2
	length := uint64(p[1] & 0x7f)
	switch length {
	case 126:
		size += 2
	case 127:
		size += 8
	}
	h.Masked = p[1]&0x80 != 0
	if h.Masked {
		size += 4
	}
	if len(p) < size {
		return h, 0, nil
	}
	h.Fin = p[0]&0x80 != 0
	h.Rsv = p[0] >> 4 & 7
	h.OpCode = ws.OpCode(p[0] & 0xf)
	switch length {
	case 126:
		if length = uint64(binary.BigEndian.Uint16(p[2:])); length < 126 {
			return h, size, errLength
		}
	case 127:
		if length = binary.BigEndian.Uint64(p[2:]); length < 1<<16 || length>>63 != 0 {
			return h, size, errLength
		}
	}
	h.Length = int64(length)
	if h.Masked {
		copy(h.Mask[:], p[size-4:])
	}
	return h, size, nil
}

// appendHeader appends the header of an unfragmented frame from a server.
func appendHeader(dst []byte, op ws.OpCode, compressed bool, length int) []byte {
	first := 0x80 | byte(op)
	if compressed {
		first |= 0x40
	}
	switch {
	case length < 126:
		return append(dst, first, byte(length))
	case length < 1<<16:
		return binary.BigEndian.AppendUint16(append(dst, first, 126), uint16(length))
	}
	return binary.BigEndian.AppendUint64(append(dst, first, 127), uint64(length))
}

// Frame is a message that is encoded once and sent to many connections. It is
// immutable and safe for concurrent use.
type Frame struct {
	op      Op
	payload []byte
	plain   []byte // the frame, uncompressed

	once         sync.Once
	compressed   []byte // the frame, compressed without context and with the largest window; nil if it is not smaller
	deflatedSize int    // of its payload
}

// NewFrame returns a message for SendFrame. It copies the payload.
func NewFrame(op Op, payload []byte) *Frame {
	plain := appendHeader(make([]byte, 0, maxHeader+len(payload)), ws.OpCode(op), false, len(payload))
	plain = append(plain, payload...)
	return &Frame{op: op, plain: plain, payload: plain[len(plain)-len(payload):]}
}

// deflated returns the frame compressed without context, for connections with the
// largest window and without context takeover. It compresses once.
func (f *Frame) deflated() []byte {
	f.once.Do(func() {
		d := getDeflater(maxWindowBits)
		defer d.release()
		if body := d.compress(f.payload, nil); len(body) < len(f.payload) {
			f.deflatedSize = len(body)
			f.compressed = append(appendHeader(make([]byte, 0, maxHeader+len(body)), ws.OpCode(f.op), true, len(body)), body...)
		}
	})
	return f.compressed
}
