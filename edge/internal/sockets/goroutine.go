package sockets

import (
	"errors"
	"io"
	"net"
	"os"
	"time"
)

// maxBlockingWrite bounds one blocking write, in bytes.
const maxBlockingWrite = 64 << 10

// idleBuffer is the size of a goroutine's buffer while its messages are small.
const idleBuffer = 512

// blocking is the stream of a connection with a goroutine, which reads and calls
// the handler. Messages from other goroutines are written by a further goroutine,
// which ends when the queue is empty.
type blocking struct {
	conn    net.Conn
	timeout time.Duration
}

func (s *blocking) read(p []byte) (int, error) { return s.conn.Read(p) }

// write writes at most maxBlockingWrite bytes, so that the deadline bounds the
// time without progress, not the time for the whole queue.
func (s *blocking) write(bufs [][]byte) (n int, err error) {
	bufs = firstBytes(bufs, maxBlockingWrite)
	if err := s.conn.SetWriteDeadline(time.Now().Add(s.timeout)); err != nil {
		return 0, err
	}
	if len(bufs) == 1 {
		return s.conn.Write(bufs[0])
	}
	buffers := net.Buffers(bufs)
	total, err := buffers.WriteTo(s.conn)
	return int(total), err
}

// firstBytes truncates buffers to n bytes in total.
func firstBytes(bufs [][]byte, n int) [][]byte {
	for i, b := range bufs {
		if len(b) >= n {
			bufs[i] = b[:n]
			return bufs[:i+1]
		}
		n -= len(b)
	}
	return bufs
}

func (s *blocking) closeWrite() bool {
	closeWrite(s.conn)
	if inner, ok := s.conn.(interface{ NetConn() net.Conn }); ok {
		closeWrite(inner.NetConn()) // below TLS, whose alert does not close the TCP connection
	}
	return true
}

func closeWrite(conn net.Conn) {
	if half, ok := conn.(interface{ CloseWrite() error }); ok {
		half.CloseWrite()
	}
}

func (s *blocking) close()         { s.conn.Close() }
func (s *blocking) more() bool     { return false }
func (s *blocking) isPolled() bool { return false }

func (s *blocking) wake(c *Conn, flag uint32) {
	before := c.flags.Or(flag)
	if flag&flagAbort != 0 {
		s.abort()
	}
	switch {
	case before&flagScheduled != 0: // its goroutine checks the flags before it reads
	case flag != flagFlush:
		s.interruptRead()
		c.wakeGoroutine()
	case before&flagFlush == 0:
		go s.writeOut(c)
	}
}

// writeOut writes the queue, in a goroutine that does not read.
func (s *blocking) writeOut(c *Conn) {
	c.flags.And(^flagFlush)
	c.flush()
	if c.flags.Load()&flagClosing != 0 || c.writeFailed() {
		s.wake(c, flagAdvance) // continue closing after the last write
	}
}

// abort interrupts a blocked read or write by closing the TCP connection. Close of
// crypto/tls would wait for a blocked write before it sends its alert.
func (s *blocking) abort() {
	conn := s.conn
	if secure, ok := conn.(interface{ NetConn() net.Conn }); ok {
		conn = secure.NetConn()
	}
	conn.Close()
}

// interruptRead makes a blocked read return, so that the goroutine checks the flags.
func (s *blocking) interruptRead() { s.conn.SetReadDeadline(time.Unix(1, 0)) }

// wakeGoroutine makes the connection's goroutine check the flags if it is in
// waitForRoom.
func (c *Conn) wakeGoroutine() {
	c.mu.Lock()
	c.wakeWaiters()
	c.mu.Unlock()
	if c.isRelay {
		o := c.other()
		o.mu.Lock()
		o.wakeWaiters()
		o.mu.Unlock()
	}
}

// waitForRoom waits while the connection must not be read from, or has been read
// to its end. Another goroutine is writing meanwhile, until it is done or its
// deadline passes.
func (c *Conn) waitForRoom() {
	full := c
	if c.isRelay {
		full = c.other()
	}
	full.mu.Lock()
	wait := full.writable()
	full.mu.Unlock()
	if c.flags.Load()&^flagsSteady == 0 && (c.hangup == hangupRead || c.congested()) {
		<-wait
	}
}

func (c *Conn) writeFailed() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.broken
}

// run serves the connection until it is closed. It starts with flagScheduled.
func (s *blocking) run(c *Conn) {
	buffer := readBuffer{idle: make([]byte, idleBuffer)}
	defer buffer.release()
	for {
		c.readyToRead()
		c.advance()
		for c.phase != phaseClosed && !c.unschedule() {
			c.step(c.flags.And(flagsSteady)&^flagsSteady&^flagRead, nil)
		}
		if c.phase == phaseClosed {
			return
		}
		if c.hangup == hangupRead || c.congested() || c.hasEarly() {
			c.waitForRoom()
			c.flags.Or(flagScheduled)
			continue
		}
		if !s.readOnce(c, &buffer) {
			return
		}
	}
}

// readOnce reads and handles input. It reports false once the connection is
// closed.
func (s *blocking) readOnce(c *Conn, buffer *readBuffer) bool {
	b := buffer.bytes()
	n, err := s.conn.Read(b)
	c.flags.Or(flagScheduled)
	if n > 0 {
		c.receive(b[:n])
		if c.isRelay {
			c.flushOther(nil)
		}
	}
	switch {
	case err == nil || n > 0: // an end after the last bytes is returned by the next read
	case errors.Is(err, os.ErrDeadlineExceeded):
		s.conn.SetReadDeadline(time.Time{})
	case err == io.EOF && c.acceptHalfClose():
	default:
		c.advance()
		c.terminate(CodeAbnormal, "")
		return false
	}
	buffer.resize(n, c.parser == nil)
	return true
}

// readBuffer is what a goroutine reads into: a small buffer, or a pooled large one
// while reads fill the small one.
type readBuffer struct{ idle, large []byte }

func (b *readBuffer) bytes() []byte {
	if b.large != nil {
		return b.large[:cap(b.large)]
	}
	return b.idle
}

// resize chooses the buffer for the next read after one of n bytes. between means
// that no message is incomplete.
func (b *readBuffer) resize(n int, between bool) {
	switch {
	case n == len(b.bytes()) && b.large == nil:
		b.large = getBuffer(middleBuffer)
	case n < idleBuffer && b.large != nil && between:
		b.release()
	}
}

func (b *readBuffer) release() {
	if b.large != nil {
		putBuffer(b.large)
		b.large = nil
	}
}

var _ stream = (*blocking)(nil)
