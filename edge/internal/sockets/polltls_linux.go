package sockets

import (
	"crypto/tls"
	"io"
	"net"
	"time"
)

// Listen wraps a TCP listener that is passed to tls.NewListener, so that its
// websockets need no goroutine: crypto/tls only calls Read and Write, so the
// connection below it must be able to return from Read without data. Listeners
// without TLS need not be wrapped.
func Listen(l net.Listener) net.Listener { return listener{l} }

type listener struct{ net.Listener }

func (l listener) Accept() (net.Conn, error) {
	conn, err := l.Listener.Accept()
	if err != nil {
		return nil, err
	}
	return newSwitchable(conn), nil
}

// newSwitchable wraps a connection that TLS will use, so that it can be polled.
func newSwitchable(conn net.Conn) net.Conn { return &switchableConn{Conn: conn} }

// switchableConn is the connection below TLS. It blocks until it is switched to
// polling. Then a read without data returns an error that crypto/tls treats as
// temporary, and a write always takes all bytes, since crypto/tls cannot continue
// after a short write.
type switchableConn struct {
	net.Conn
	raw     *polled // nil: not switched
	pending []byte  // bytes that the kernel had no room for
}

// NetConn returns the wrapped connection, like tls.Conn.
func (s *switchableConn) NetConn() net.Conn { return s.Conn }

func (s *switchableConn) Read(p []byte) (int, error) {
	if s.raw == nil {
		return s.Conn.Read(p)
	}
	n, err := s.raw.read(p)
	switch {
	case err == errWouldBlock:
		return 0, temporaryError{}
	case err == nil && n == 0 && len(p) > 0:
		return 0, io.EOF
	}
	return n, err
}

func (s *switchableConn) Write(p []byte) (int, error) {
	if s.raw == nil {
		return s.Conn.Write(p)
	}
	rest := p
	for len(s.pending) == 0 && len(rest) > 0 {
		n, err := s.raw.write([][]byte{rest})
		if err == errWouldBlock {
			break
		}
		if err != nil {
			return 0, err
		}
		rest = rest[n:]
	}
	if len(rest) > 0 {
		s.pending = appendBuffer(s.pending, rest)
	}
	return len(p), nil
}

// drain writes the pending bytes. It returns errWouldBlock if some remain.
func (s *switchableConn) drain() error {
	done := 0
	for done < len(s.pending) {
		n, err := s.raw.write([][]byte{s.pending[done:]})
		if err != nil {
			s.pending = s.pending[:copy(s.pending, s.pending[done:])]
			return err
		}
		done += n
	}
	if s.pending != nil {
		putBuffer(s.pending)
		s.pending = nil
	}
	return nil
}

// After the switch the deadline methods do nothing: the hub has the deadlines of a
// polled connection.

func (s *switchableConn) SetDeadline(t time.Time) error {
	if s.raw == nil {
		return s.Conn.SetDeadline(t)
	}
	return nil
}

func (s *switchableConn) SetReadDeadline(t time.Time) error {
	if s.raw == nil {
		return s.Conn.SetReadDeadline(t)
	}
	return nil
}

func (s *switchableConn) SetWriteDeadline(t time.Time) error {
	if s.raw == nil {
		return s.Conn.SetWriteDeadline(t)
	}
	return nil
}

// CloseWrite closes the write side of a connection that is not switched.
func (s *switchableConn) CloseWrite() error {
	closeWrite(s.Conn)
	return nil
}

// temporaryError is the error of a read without data. crypto/tls keeps the part of
// a record that it has after a temporary error.
type temporaryError struct{}

func (temporaryError) Error() string   { return errWouldBlock.Error() }
func (temporaryError) Timeout() bool   { return true }
func (temporaryError) Temporary() bool { return true }

var _ net.Error = temporaryError{}

// polledTLS is the stream of a TLS connection without a goroutine.
type polledTLS struct {
	*polled
	conn       *tls.Conn
	lower      *switchableConn
	unreported int // bytes that were written but not reported, since their end is pending below
}

func (s *polledTLS) read(p []byte) (int, error) {
	n, err := s.conn.Read(p)
	switch {
	case n > 0:
		return n, nil
	case err == io.EOF:
		return 0, nil
	case err == temporaryError{}:
		return 0, errWouldBlock
	}
	return 0, err
}

// write encrypts and writes one buffer. Until the kernel has taken all of it, write
// reports one byte, so that the queue treats the frame as partly written, and
// keeps the others as unreported.
func (s *polledTLS) write(bufs [][]byte) (int, error) {
	if err := s.lower.drain(); err != nil {
		return 0, err
	}
	if n := s.unreported; n > 0 {
		s.unreported = 0
		return n, nil
	}
	n, err := s.conn.Write(bufs[0])
	if err != nil {
		return 0, err
	}
	if len(s.lower.pending) > 0 {
		s.unreported = n - 1
		return 1, nil
	}
	return n, nil
}

// closeWrite sends the close_notify alert, without which the peer must assume that
// the connection was truncated.
func (s *polledTLS) closeWrite() bool {
	s.conn.CloseWrite()
	if s.lower.drain() == errWouldBlock {
		return false
	}
	return s.polled.closeWrite()
}

func (s *polledTLS) close() {
	s.polled.close()
	if s.lower.pending != nil {
		putBuffer(s.lower.pending)
		s.lower.pending = nil
	}
}

// more returns true: crypto/tls buffers input and returns one record at a time.
func (s *polledTLS) more() bool { return true }

var _ stream = (*polledTLS)(nil)
