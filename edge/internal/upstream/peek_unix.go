//go:build unix

package upstream

import (
	"crypto/tls"
	"net"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// peeker looks at what waits on a connection without reading or waiting.
type peeker struct {
	raw   syscall.RawConn // nil: it cannot be looked at
	tls   *tls.Conn       // nil: none
	found waiting
	one   [1]byte
	fds   [1]unix.PollFd
	look  func(fd uintptr) // one closure for the life of the connection
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

// waiting returns what waits on the connection.
func (p *peeker) waiting() waiting {
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
		// Records of TLS may be an alert or a ticket: that ends the connection
		// and is no surplus.
		p.found = surplus
	}
}

// decrypted reports whether TLS holds bytes that it has read already. A
// deadline in the past keeps it from reading more.
func (p *peeker) decrypted() bool {
	_ = p.tls.SetReadDeadline(time.Unix(1, 0))
	n, _ := p.tls.Read(p.one[:])
	_ = p.tls.SetReadDeadline(time.Time{})
	return n > 0
}
