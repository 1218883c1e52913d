//go:build unix

package http1

import (
	"crypto/tls"
	"io"
	"net"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// rawConn uses the descriptor of a connection: to find out what has arrived, and
// to read an answer only when it is there.
type rawConn struct {
	conn  net.Conn
	raw   syscall.RawConn // nil: the connection has no descriptor
	tls   *tls.Conn       // nil: no TLS
	found arrived
	one   [1]byte

	request sender // to be sent; nil: it was
	answer  []byte // to read into
	n       int
	err     error

	// look and receive, as one closure each for the life of the connection.
	looking   func(fd uintptr)
	receiving func(fd uintptr) bool
}

func (c *rawConn) init(conn net.Conn) {
	c.conn = conn
	under := conn
	if t, ok := conn.(*tls.Conn); ok {
		c.tls, under = t, t.NetConn()
	}
	if s, ok := under.(syscall.Conn); ok {
		c.raw, _ = s.SyscallConn()
	}
	c.looking, c.receiving = c.look, c.receive
}

// arrived returns what has arrived on an idle connection, without blocking.
// Unless it is nothing, the connection must be closed.
func (c *rawConn) arrived() arrived {
	c.found = ended
	switch {
	case c.raw == nil:
	case c.tls != nil && c.decrypted():
		c.found = surplus
	default:
		_ = c.raw.Control(c.looking) // fails if the connection is closed
	}
	return c.found
}

func (c *rawConn) look(fd uintptr) {
	c.found = ended
	n, err := unix.Read(int(fd), c.one[:])
	switch {
	case err == unix.EAGAIN:
		c.found = nothing
	case err == nil && n > 0 && c.tls == nil:
		// With TLS, the record may be an alert or a ticket: the connection is not
		// reused, but this is no surplus.
		c.found = surplus
	}
}

// decrypted reports whether TLS has buffered plaintext. A deadline in the past
// keeps it from reading from the connection.
func (c *rawConn) decrypted() bool {
	_ = c.tls.SetReadDeadline(time.Unix(1, 0))
	n, _ := c.tls.Read(c.one[:])
	_ = c.tls.SetReadDeadline(time.Time{})
	return n > 0
}

// exchange sends a request and reads the start of its answer into p. If the
// connection is reused, it first looks whether bytes have arrived that belong to no
// answer; the error is then errStale.
//
// On a reused connection it reads once there is something to read: Read of package
// net would first try in vain, since an application takes time to answer.
func (c *rawConn) exchange(request sender, reused bool, p []byte) (int, error) {
	switch {
	case !reused:
		request.send()
		return c.conn.Read(p)
	case c.raw == nil || c.tls != nil:
		if c.arrived() != nothing {
			return 0, errStale
		}
		request.send()
		return c.conn.Read(p)
	}
	c.request, c.answer = request, p
	err := c.raw.Read(c.receiving)
	c.request, c.answer = nil, nil
	switch {
	case err != nil:
		return 0, err
	case c.err != nil:
		return 0, c.err
	case c.n == 0:
		return 0, io.EOF
	}
	return c.n, nil
}

// receive reports whether the exchange is complete. RawConn.Read forgets what has
// arrived before its first call; so that call looks.
func (c *rawConn) receive(fd uintptr) bool {
	if request := c.request; request != nil {
		c.request = nil
		if c.look(fd); c.found != nothing {
			c.err = errStale
			return true
		}
		request.send()
		return false
	}
	for {
		switch c.n, c.err = unix.Read(int(fd), c.answer); c.err {
		case unix.EAGAIN:
			return false
		case unix.EINTR:
		default:
			return true
		}
	}
}
