package sockets

import (
	"io"
	"sync"

	"github.com/klauspost/compress/flate"
)

const (
	minWindowBits = 8
	maxWindowBits = 15
	maxWindow     = 1 << maxWindowBits
	// maxFinalBlocks bounds the final deflate blocks in one message. RFC 7692
	// allows them; after each, the inflater is reset with its window.
	maxFinalBlocks = 8
)

// compression is the permessage-deflate state of a connection (RFC 7692). Deflate
// writers and readers are large, so they are pooled, and a connection keeps only
// the text of its windows.
type compression struct {
	parameters
	read  []byte // the window of received messages
	wrote []byte // the window of sent messages
}

// parameters are the negotiated parameters.
type parameters struct {
	writeBits, readBits         uint8
	writeTakeover, readTakeover bool
}

// appendWindow appends p to a window, and keeps the last 1<<bits bytes.
func appendWindow(window, p []byte, bits uint8) []byte {
	size := 1 << bits
	if len(p) >= size {
		return append(window[:0], p[len(p)-size:]...)
	}
	if over := len(window) + len(p) - size; over > 0 {
		window = window[:copy(window, window[over:])]
	}
	return append(window, p...)
}

// deflateTail is the four bytes that a sender removes from the end of a message,
// and an empty final block, after which the inflater returns io.EOF.
const deflateTail = "\x00\x00\xff\xff\x01\x00\x00\xff\xff"

// tailReader reads a message and then deflateTail.
type tailReader struct {
	p  []byte
	at int
}

func (t *tailReader) ReadByte() (byte, error) {
	i := t.at
	switch {
	case i < len(t.p):
		t.at++
		return t.p[i], nil
	case i < len(t.p)+len(deflateTail):
		t.at++
		return deflateTail[i-len(t.p)], nil
	}
	return 0, io.EOF
}

func (t *tailReader) Read(p []byte) (n int, err error) {
	if t.at < len(t.p) {
		n = copy(p, t.p[t.at:])
	} else if rest := deflateTail[t.at-len(t.p):]; rest != "" {
		n = copy(p, rest)
	} else {
		return 0, io.EOF
	}
	t.at += n
	return n, nil
}

type inflater struct {
	source tailReader
	reader io.ReadCloser
}

var inflaters = sync.Pool{New: func() any {
	i := &inflater{}
	i.reader = flate.NewReader(&i.source)
	return i
}}

// inflate returns the inflated message, in a buffer for putBuffer. It fails if
// the message exceeds limit bytes, or the hub's and the tenant's allowance. The
// buffer is charged to the allowance until the charge ends.
func (c *compression) inflate(p []byte, limit int64, text bool, charge *charge) (out []byte, err *failure) {
	i := inflaters.Get().(*inflater)
	i.source = tailReader{p: p}
	i.reader.(flate.Resetter).Reset(&i.source, c.read)
	out, err = i.run(c.read, limit, text, charge)
	i.source = tailReader{}
	inflaters.Put(i)
	if err != nil {
		putBuffer(out)
		charge.end()
		return nil, err
	}
	if c.readTakeover {
		c.read = appendWindow(c.read, out, c.readBits)
	}
	return out, nil
}

func (i *inflater) run(window []byte, limit int64, text bool, charge *charge) (out []byte, failed *failure) {
	var check textCheck
	for finals := 0; ; {
		var ok bool
		if out, ok = charge.room(out, limit); !ok {
			return out, errInflating
		}
		n, err := i.reader.Read(out[len(out):cap(out)])
		piece := out[len(out) : len(out)+n]
		out = out[:len(out)+n]
		if int64(len(out)) > limit {
			return out, errMessageTooBig
		}
		if text && !check.next(piece) {
			return out, errUTF8
		}
		switch {
		case err == nil:
		case err != io.EOF:
			return out, errInflate
		case i.source.at >= len(i.source.p):
			if text && !check.complete() {
				return out, errUTF8
			}
			return out, nil
		default: // a final block before the end of the message
			if finals++; finals == maxFinalBlocks {
				return out, errInflate
			}
			context := appendWindow(append([]byte(nil), window...), out, maxWindowBits)
			i.reader.(flate.Resetter).Reset(&i.source, context)
		}
	}
}

// deflater is a deflate writer for one window size.
type deflater struct {
	writer *flate.Writer
	out    []byte
	bits   uint8
}

var deflaters [maxWindowBits + 1]sync.Pool

func getDeflater(bits uint8) *deflater {
	if d, ok := deflaters[bits].Get().(*deflater); ok {
		return d
	}
	d := &deflater{bits: bits}
	if bits == maxWindowBits {
		d.writer, _ = flate.NewWriter(d, flate.BestSpeed) // both fail only for invalid arguments
	} else {
		d.writer, _ = flate.NewWriterWindow(d, 1<<bits)
	}
	return d
}

func (d *deflater) Write(p []byte) (int, error) {
	d.out = appendBuffer(d.out, p)
	return len(p), nil
}

// compress returns p as the compressed payload of a message. It is valid until
// release.
func (d *deflater) compress(p, context []byte) []byte {
	d.out = d.out[:0]
	d.writer.ResetDict(d, context)
	d.writer.Write(p)
	d.writer.Flush()
	return d.out[:len(d.out)-4] // without 00 00 ff ff, which Flush wrote
}

func (d *deflater) release() {
	putBuffer(d.out)
	d.out = nil
	deflaters[d.bits].Put(d)
}
