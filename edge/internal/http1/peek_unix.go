//go:build unix

package http1

import (
	"crypto/tls"
	"net"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// peeker finds out what has arrived on a connection, without reading or blocking.
type peeker struct {
	raw   syscall.RawConn // nil: the connection cannot be inspected
	tls   *tls.Conn       // nil: no TLS
	found arrived
	one   [1]byte
	fds   [1]unix.PollFd
	look  func(fd uintptr) // poll, as one closure for the life of the connection
}

func (p *peeker) init(c net.Conn) {
	under := c
	if t, ok := c.(*tls.Conn); ok {
		p.tls, under = t, t.NetConn()
	}
	if s, ok := under.(syscall.Conn); ok {
		p.raw, _ = s.SyscallConn()
	}
	p.look = p.poll
}

// arrived returns what has arrived on the connection.
func (p *peeker) arrived() arrived {
	if p.raw == nil {
		return ended
	}
	if p.tls != nil && p.decrypted() {
		return surplus
	}
	p.found = ended
	if err := p.raw.Control(p.look); err != nil {
		return ended
	}
	return p.found
}

func (p *peeker) poll(fd uintptr) {
	p.fds[0] = unix.PollFd{Fd: int32(fd), Events: unix.POLLIN}
	n, err := unix.Poll(p.fds[:], 0)
	if err != nil {
		return
	}
	if n == 0 {
		p.found = nothing
		return
	}
	n, _, err = unix.Recvfrom(int(fd), p.one[:], unix.MSG_PEEK|unix.MSG_DONTWAIT)
	if err == nil && n > 0 && p.tls == nil {
		// With TLS, the record may be an alert or a ticket: the connection is not
		// reused, but this is no surplus.
		p.found = surplus
	}
}

// decrypted reports whether TLS has buffered plaintext. A deadline in the past
// keeps it from reading from the connection.
func (p *peeker) decrypted() bool {
	_ = p.tls.SetReadDeadline(time.Unix(1, 0))
	n, _ := p.tls.Read(p.one[:])
	_ = p.tls.SetReadDeadline(time.Time{})
	return n > 0
}
