package sockets

import (
	"crypto/tls"
	"io"
	"net"
	"time"
)

// Listen wraps a TCP listener that TLS is put on, so that its websockets can be
// held without a goroutine: crypto/tls knows nothing but Read and Write, so what
// it reads from has to be able to stop waiting. Listeners without TLS need no
// wrapping.
func Listen(l net.Listener) net.Listener { return listener{l} }

type listener struct{ net.Listener }

func (l listener) Accept() (net.Conn, error) {
	conn, err := l.Listener.Accept()
	if err != nil {
		return nil, err
	}
	return newSwitchable(conn), nil
}

// switchable makes a connection one that TLS can be put on and be polled.
func newSwitchable(conn net.Conn) net.Conn { return &switchableConn{Conn: conn} }

// switched is a connection below TLS. It waits, as connections do, until it is
// switched over to polling: from then on, a read that finds nothing returns an
// error that crypto/tls takes as temporary, and a write never falls short,
// since crypto/tls could not send the rest.
type switchableConn struct {
	net.Conn
	raw     *polled // nil: not switched over
	pending []byte  // what the kernel did not take
}

// NetConn returns the connection itself, as that of tls.Conn does.
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

// drain writes what is pending; errWouldBlock if some of it stays.
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

// The deadlines of a polled connection are its hub's.

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

// CloseWrite is for connections that are not switched over.
func (s *switchableConn) CloseWrite() error {
	closeWrite(s.Conn)
	return nil
}

// notYet is what crypto/tls gets when nothing is there: temporary, so that it
// keeps the part of a record that it has.
type temporaryError struct{}

func (temporaryError) Error() string   { return errWouldBlock.Error() }
func (temporaryError) Timeout() bool   { return true }
func (temporaryError) Temporary() bool { return true }

var _ net.Error = temporaryError{}

// secured is the stream of a TLS connection without a goroutine.
type polledTLS struct {
	*polled
	conn       *tls.Conn
	lower      *switchableConn
	unreported int // bytes that are encrypted, and whose end is pending below
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

// write encrypts one buffer. While the kernel has not taken all of it, one byte
// counts as written, so that the queue knows its first frame is begun, and the
// others are owed.
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

// closeWrite sends the last alert, without which a peer must take the end for
// one that somebody else has made.
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

// more is always so: crypto/tls reads ahead, and gives one record at a time.
func (s *polledTLS) more() bool { return true }

var _ stream = (*polledTLS)(nil)
