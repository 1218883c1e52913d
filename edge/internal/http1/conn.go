package http1

import (
	"bufio"
	"container/list"
	"errors"
	"io"
	"math"
	"net"
	"sync/atomic"
	"time"
)

const unbounded = math.MaxInt64

// conn is a connection to the application. It belongs to one exchange or to the
// pool.
type conn struct {
	net.Conn
	client *Client
	owner  Owner
	in     limited
	reader *bufio.Reader
	out    *bufio.Writer
	peek   peeker

	reused  bool        // has served a request before
	spoiled atomic.Bool // writing failed

	// Guarded by the lock of the pool.
	element *list.Element // in pool.order; nil: not in the pool
	since   time.Time     // when it entered the pool
	watched bool          // watched for surplus bytes, and not reused
}

func newConn(raw net.Conn, c *Client, owner Owner) *conn {
	cn := &conn{Conn: raw, client: c, owner: owner}
	cn.in.conn = raw
	cn.reader = bufio.NewReader(&cn.in)
	cn.out = bufio.NewWriter(raw)
	cn.peek.init(raw)
	return cn
}

func (c *conn) close() { _ = c.Conn.Close() }

// limited reads at most budget bytes from a connection and records the last error.
type limited struct {
	conn   net.Conn
	budget int64
	err    error
}

func (l *limited) Read(p []byte) (int, error) {
	if l.budget <= 0 {
		l.err = ErrHeadTooLarge
		return 0, l.err
	}
	if int64(len(p)) > l.budget {
		p = p[:l.budget]
	}
	n, err := l.conn.Read(p)
	l.budget -= int64(n)
	if err != nil {
		l.err = err
	}
	return n, err
}

// cause returns why a head could not be read.
func (l *limited) cause() error {
	switch {
	case l.err == nil:
		return ErrMalformed
	case errors.Is(l.err, io.EOF):
		return ErrClosed
	default:
		return l.err
	}
}
