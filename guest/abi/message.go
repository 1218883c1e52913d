package abi

import (
	"encoding/binary"
	"errors"
)

const (
	headSize  = 8
	fieldSize = 8
)

// ErrMalformed is the error of [Parse] for bytes that are not a message.
var ErrMalformed = errors.New("abi: malformed message")

// Message is a parsed message. It shares the bytes that it was parsed from. The
// package comment has the layout.
type Message struct{ b []byte }

// Parse parses b as one message. It returns ErrMalformed unless all fields are
// inside b, after the table of fields.
func Parse(b []byte) (Message, error) {
	table, ok := fieldTable(b)
	if !ok {
		return Message{}, ErrMalformed
	}
	head := uint64(headSize + len(table))
	for ; len(table) >= fieldSize; table = table[fieldSize:] {
		field := binary.LittleEndian.Uint64(table)
		if field == 0 { // absent
			continue
		}
		if off, length := span(field); off < head || off+length > uint64(len(b)) {
			return Message{}, ErrMalformed
		}
	}
	return Message{b}, nil
}

// fieldTable returns the table of fields of a message, and whether b is long
// enough for it.
func fieldTable(b []byte) (table []byte, ok bool) {
	if len(b) < headSize {
		return nil, false
	}
	end := headSize + uint64(binary.LittleEndian.Uint32(b[4:]))*fieldSize
	if end > uint64(len(b)) {
		return nil, false
	}
	return b[headSize:end], true
}

// span returns the offset and the length of an entry of the table of fields. Both
// are below 1<<32.
func span(field uint64) (offset, length uint64) { return uint64(uint32(field)), field >> 32 }

// Bytes returns the bytes that the message was parsed from.
func (m Message) Bytes() []byte { return m.b }

// Word returns the message's first word.
func (m Message) Word() uint32 { return binary.LittleEndian.Uint32(m.b) }

// Len returns the number of fields.
func (m Message) Len() int {
	if len(m.b) < headSize {
		return 0
	}
	return int(binary.LittleEndian.Uint32(m.b[4:]))
}

// Field returns the bytes of field i, and whether the field is present.
func (m Message) Field(i int) ([]byte, bool) {
	if i < 0 || i >= m.Len() {
		return nil, false
	}
	off, length := span(binary.LittleEndian.Uint64(m.b[headSize+i*fieldSize:]))
	if off == 0 {
		return nil, false
	}
	return m.b[off : off+length : off+length], true
}

// Get returns the bytes of field i, nil if it is absent.
func (m Message) Get(i int) []byte {
	f, _ := m.Field(i)
	return f
}

// Builder writes one message into a buffer of the caller, without allocating. It
// drops what does not fit, and Size then returns the size that would suffice.
type Builder struct {
	buf  []byte
	n    int // fields
	used int // bytes, also those that did not fit
}

// Begin starts a message of n fields, all of them absent, in buf.
func Begin(buf []byte, word uint32, n int) Builder {
	b := Builder{buf: buf, n: n, used: headSize + n*fieldSize}
	if b.used <= len(buf) {
		binary.LittleEndian.PutUint32(buf, word)
		binary.LittleEndian.PutUint32(buf[4:], uint32(n))
		clear(buf[headSize:b.used])
	}
	return b
}

// Put sets field i, which must be below the n of Begin, to s.
func (b *Builder) Put(i int, s string) {
	off := b.used
	b.used += len(s)
	if b.used > len(b.buf) {
		return
	}
	copy(b.buf[off:], s)
	b.point(i, off, len(s))
}

// PutBytes is Put for bytes.
func (b *Builder) PutBytes(i int, s []byte) {
	off := b.used
	b.used += len(s)
	if b.used > len(b.buf) {
		return
	}
	copy(b.buf[off:], s)
	b.point(i, off, len(s))
}

// Room sets field i to n bytes, which the caller fills; it returns nil if they do
// not fit.
func (b *Builder) Room(i, n int) []byte {
	off := b.used
	b.used += n
	if b.used > len(b.buf) {
		return nil
	}
	b.point(i, off, n)
	return b.buf[off:b.used:b.used]
}

// Append appends s to field i, which must be the last one that was put.
func (b *Builder) Append(i int, s string) {
	at := headSize + i*fieldSize
	off := b.used
	b.used += len(s)
	if b.used > len(b.buf) {
		return
	}
	copy(b.buf[off:], s)
	length := binary.LittleEndian.Uint32(b.buf[at+4:])
	binary.LittleEndian.PutUint32(b.buf[at+4:], length+uint32(len(s)))
}

// Rest returns the free part of the buffer, for a field that is written in place.
func (b *Builder) Rest() []byte { return b.buf[min(b.used, len(b.buf)):] }

// Keep sets field i to the first n bytes of Rest.
func (b *Builder) Keep(i, n int) {
	off := b.used
	b.used += n
	if b.used <= len(b.buf) {
		b.point(i, off, n)
	}
}

// SetWord replaces the message's first word.
func (b *Builder) SetWord(word uint32) {
	if len(b.buf) >= headSize {
		binary.LittleEndian.PutUint32(b.buf, word)
	}
}

// Size returns the size of the message in bytes, also if it does not fit.
func (b *Builder) Size() int { return b.used }

// Fits reports whether the message fits the buffer.
func (b *Builder) Fits() bool { return b.used <= len(b.buf) }

// Bytes returns the message, or nil if it does not fit.
func (b *Builder) Bytes() []byte {
	if !b.Fits() {
		return nil
	}
	return b.buf[:b.used]
}

func (b *Builder) point(i, off, length int) {
	binary.LittleEndian.PutUint64(b.buf[headSize+i*fieldSize:], uint64(uint32(off))|uint64(length)<<32)
}

// PackReply packs an address and a length as the exports return them.
func PackReply(addr, length uint32) uint64 { return uint64(addr)<<32 | uint64(length) }

// UnpackReply unpacks what PackReply packs.
func UnpackReply(r uint64) (addr, length uint32) { return uint32(r >> 32), uint32(r) }
