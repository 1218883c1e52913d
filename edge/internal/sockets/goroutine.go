package sockets

import (
	"errors"
	"io"
	"net"
	"os"
	"time"
)

// heldPiece is what one write takes that waits.
const maxBlockingWrite = 64 << 10

// idleBuffer is what a goroutine reads into while nothing bigger comes.
const idleBuffer = 512

// held is the stream of a connection that has a goroutine, which reads, and
// runs the callbacks. What others send is written by a goroutine that lives as
// long as there is something to write.
type blocking struct {
	conn    net.Conn
	timeout time.Duration
}

func (s *blocking) read(p []byte) (int, error) { return s.conn.Read(p) }

// write writes a part, so that the deadline is one for progress, not for all
// that waits.
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

// firstBytes cuts buffers to n bytes together.
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
		closeWrite(inner.NetConn()) // below TLS, whose alert alone ends no connection
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
	case before&flagScheduled != 0: // its goroutine looks at the flags before it reads again
	case flag != flagFlush:
		s.interruptRead()
		c.wakeGoroutine()
	case before&flagFlush == 0:
		go s.writeOut(c)
	}
}

// writeOut writes what waits, apart from the goroutine that reads.
func (s *blocking) writeOut(c *Conn) {
	c.flags.And(^flagFlush)
	c.flush()
	if c.flags.Load()&flagClosing != 0 || c.writeFailed() {
		s.wake(c, flagAdvance) // closing goes on when all is written
	}
}

// abort ends a read or a write that the goroutine stands in, without a word:
// crypto/tls would wait for its turn to say goodbye.
func (s *blocking) abort() {
	conn := s.conn
	if secure, ok := conn.(interface{ NetConn() net.Conn }); ok {
		conn = secure.NetConn()
	}
	conn.Close()
}

// kick has the goroutine stop reading for a moment, and look at the flags.
func (s *blocking) interruptRead() { s.conn.SetReadDeadline(time.Unix(1, 0)) }

// look has the connection's goroutine, if it waits for room, look at the flags.
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

// waitForRoom waits while the connection is not to be read from, or has nothing
// more to be read. Another goroutine writes, which comes to an end, or to its
// deadline.
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

// run serves the connection to its end. It starts scheduled.
func (s *blocking) run(c *Conn) {
	idle := make([]byte, idleBuffer)
	var large []byte
	defer func() {
		if large != nil {
			putBuffer(large)
		}
	}()
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
		buffer := idle
		if large != nil {
			buffer = large[:cap(large)]
		}
		n, err := s.conn.Read(buffer)
		c.flags.Or(flagScheduled)
		if n > 0 {
			c.receive(buffer[:n])
		}
		switch {
		case err == nil || n > 0: // an end that came together with the last bytes comes again
		case errors.Is(err, os.ErrDeadlineExceeded):
			s.conn.SetReadDeadline(time.Time{})
		case err == io.EOF && c.acceptHalfClose():
		default:
			c.advance()
			c.terminate(CodeAbnormal, "")
			return
		}
		// A big buffer is held while more comes than the small one takes.
		switch {
		case n == len(buffer) && large == nil:
			large = getBuffer(middleBuffer)
		case n < idleBuffer && large != nil && c.parser == nil:
			putBuffer(large)
			large = nil
		}
	}
}

var _ stream = (*blocking)(nil)
