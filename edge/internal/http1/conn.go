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
	raw    rawConn

	reused  bool        // has served a request before
	spoiled atomic.Bool // writing failed

	// Guarded by the lock of the pool.
	element *list.Element // in pool.order; nil: not in the pool
	since   time.Time     // when it entered the pool
	watched bool          // watched for surplus bytes, and not reused
}

func newConn(raw net.Conn, c *Client, owner Owner) *conn {
	cn := &conn{Conn: raw, client: c, owner: owner}
	cn.in.conn = cn
	cn.reader = bufio.NewReader(&cn.in)
	cn.out = bufio.NewWriter(raw)
	cn.raw.init(raw)
	return cn
}

func (c *conn) close() { _ = c.Conn.Close() }

// sender sends a request.
type sender interface{ send() }

// errStale is the error for a reused connection that has ended, or on which bytes
// have arrived that belong to no answer. The request was not sent.
var errStale = errors.New("http1: the connection cannot be reused")

// limited reads at most budget bytes from a connection and records the last error.
type limited struct {
	conn    *conn
	request sender // to be sent before the first read; nil: none
	budget  int64
	err     error
}

func (l *limited) Read(p []byte) (int, error) {
	if l.budget <= 0 {
		l.err = ErrHeadTooLarge
		return 0, l.err
	}
	if int64(len(p)) > l.budget {
		p = p[:l.budget]
	}
	n, err := l.read(p)
	l.budget -= int64(n)
	if err != nil {
		l.err = err
	}
	return n, err
}

func (l *limited) read(p []byte) (int, error) {
	request := l.request
	if request == nil {
		return l.conn.Read(p)
	}
	l.request = nil
	return l.conn.raw.exchange(request, l.conn.reused, p)
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
