//go:build linux && !race

package direct

import (
	"errors"
	"net"
	"os"
	"sync"
	"syscall"
	"unsafe"
)

// largest is the number of bytes that are sent directly at most: the scheduler must
// know of a call that copies more.
const largest = 16 << 10

// conn is a TCP connection whose Write is a direct system call.
type conn struct {
	*net.TCPConn
	raw  syscall.RawConn
	send func(fd uintptr) bool // the method write, as one closure for the life of the connection

	mu   sync.Mutex // guards what follows
	rest []byte     // to be sent
	err  error
}

// Wrap returns a connection that sends directly, if c is a *net.TCPConn, and c
// otherwise.
func Wrap(c net.Conn) net.Conn {
	tcp, ok := c.(*net.TCPConn)
	if !ok {
		return c
	}
	raw, err := tcp.SyscallConn()
	if err != nil {
		return c
	}
	d := &conn{TCPConn: tcp, raw: raw}
	d.send = d.write
	return d
}

// Unwrap returns the connection that Wrap got.
func Unwrap(c net.Conn) net.Conn {
	if d, ok := c.(*conn); ok {
		return d.TCPConn
	}
	return c
}

// Write implements net.Conn.
func (c *conn) Write(p []byte) (int, error) {
	if len(p) == 0 || len(p) > largest {
		return c.TCPConn.Write(p)
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.rest, c.err = p, nil
	err := c.raw.Write(c.send)
	n := len(p) - len(c.rest)
	c.rest = nil
	if err == nil {
		err = c.err
	}
	if err == nil {
		return n, nil
	}
	if op := (*net.OpError)(nil); errors.As(err, &op) {
		err = op.Err // of RawConn: closed, or past the deadline
	}
	return n, &net.OpError{Op: "write", Net: c.RemoteAddr().Network(), Source: c.LocalAddr(), Addr: c.RemoteAddr(), Err: err}
}

// write reports whether rest was sent, or sending it failed. If not, RawConn waits
// until the socket has room.
func (c *conn) write(fd uintptr) bool {
	for len(c.rest) > 0 {
		n, _, errno := syscall.RawSyscall(syscall.SYS_WRITE, fd, uintptr(unsafe.Pointer(unsafe.SliceData(c.rest))), uintptr(len(c.rest)))
		switch errno {
		case 0:
			c.rest = c.rest[n:]
		case syscall.EAGAIN:
			return false
		case syscall.EINTR:
		default:
			c.err = os.NewSyscallError("write", errno)
			return true
		}
	}
	return true
}
