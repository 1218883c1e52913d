package upstream

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

// conn is a connection to the application. One exchange has it, or the pool.
type conn struct {
	net.Conn
	client *Client
	owner  Owner
	in     limited
	reader *bufio.Reader
	out    *bufio.Writer
	peek   peeker

	reused  bool        // it has served a request before
	spoiled atomic.Bool // writing failed

	// Of the pool, under its lock.
	place   *list.Element
	since   time.Time
	watched bool // it is not used again
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

// limited reads from a connection as much as its budget allows, and remembers
// why it could not.
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
