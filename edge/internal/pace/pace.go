// Package pace bounds the time that clients make a server wait: for the next
// bytes of a request's body, and for room to write an answer.
//
//	server.Handler = pace.Handler(&pace.Limits{Body: time.Minute, Answer: time.Minute}, handler)
//
// A client has to keep a pace of Limits.Rate bytes a second while it is waited for. It
// may fall behind by the time of the limit, and is then cut off. Time that the
// handler takes does not count: a slow application costs no client its request. The server's own ReadTimeout and WriteTimeout may be set to the same
// limits. They bound what happens outside of the handler, and are lifted inside.
package pace

import (
	"bufio"
	"cmp"
	"context"
	"errors"
	"io"
	"io/fs"
	"math"
	"net"
	"net/http"
	"os"
	"sync"
	"sync/atomic"
	"syscall"
	"time"
)

// DefaultRate is the pace where Limits name none, in bytes a second.
const DefaultRate = 1 << 10

// piece is how much of a file is written at once. A pace is measured between
// pieces.
const piece = 64 << 10

// restTime is how long the part of a body that the handler did not read may take.
const restTime = 5 * time.Second

// hangUpAfter is how long the answer to a reset HTTP/2 stream may take to end.
const hangUpAfter = 5 * time.Second

// ErrSlow is in the chain of the error of a body whose client fell behind.
var ErrSlow = errors.New("pace: the client sends too slowly")

// Direction says what a client was waited for.
type Direction int

// What a client can be waited for.
const (
	ForBody Direction = iota
	ForAnswer
)

// Limits are how far a client may fall behind; 0: there is no limit.
type Limits struct {
	Body, Answer time.Duration
	// Rate is the pace, in bytes a second; 0: DefaultRate.
	Rate int64
	// Late is called when a client is cut off; it may be nil.
	Late func(*http.Request, Direction)
	// HangUp closes the connection that the context of a request came by. It is
	// called where the reset of an HTTP/2 stream does not end a write; it may be
	// nil.
	HangUp func(context.Context)
}

func (l *Limits) rate() int64 { return cmp.Or(l.Rate, DefaultRate) }

// Handler calls next with bodies and answers that are held to the limits.
func Handler(l *Limits, next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		x := &exchange{ResponseWriter: w, limits: l, request: r, conn: deadlinesOf(w), streams: r.ProtoMajor > 1}
		x.answer.timeout, x.answer.rate = l.Answer, l.rate()
		defer x.end()
		if r.Body != nil && r.Body != http.NoBody {
			x.body = newBody(x, r.Body, l.Body)
			// A copy: net/http has to find its own body in its own request.
			r = r.WithContext(r.Context())
			r.Body = x.body
		}
		if x.streams {
			x.answer.watch(x.conn, deadlines.SetWriteDeadline, x.hangUp)
		}
		next.ServeHTTP(x, r)
	})
}

// deadlines is what the ResponseWriters of net/http have.
type deadlines interface {
	SetReadDeadline(time.Time) error
	SetWriteDeadline(time.Time) error
}

// deadlinesOf unwraps w; nil: there are none, as in tests with recorders.
func deadlinesOf(w http.ResponseWriter) deadlines {
	for {
		if d, ok := w.(deadlines); ok {
			return d
		}
		inner, ok := w.(interface{ Unwrap() http.ResponseWriter })
		if !ok {
			return nil
		}
		w = inner.Unwrap()
	}
}

// exchange is a request and its answer.
type exchange struct {
	http.ResponseWriter
	limits   *Limits
	request  *http.Request
	conn     deadlines // nil: there are none
	streams  bool      // HTTP/2: a deadline that passes ends the stream, whoever waits
	hijacked bool
	duplex   bool        // the answer may begin before the body has ended
	late     atomic.Bool // the answer was cut off
	body     *Body       // nil: the request has none
	answer   side
}

// end bounds what net/http does after the handler: it writes what is left in
// buffers, and reads what is left of the body.
func (x *exchange) end() {
	if x.conn == nil || x.hijacked {
		return
	}
	lifted := x.answer.unwatch()
	if x.answer.timeout > 0 && (lifted || !x.streams) {
		_ = x.conn.SetWriteDeadline(time.Now().Add(x.answer.timeout))
	}
	if x.body != nil {
		x.body.handled()
	}
}

// closes reports whether the connection ends with the answer.
func (x *exchange) closes() bool { return x.request.Close || x.Header().Get("Connection") == "close" }

func (x *exchange) hangUp() {
	if x.limits.HangUp != nil {
		x.limits.HangUp(x.request.Context())
	}
}

// writing bounds a write of n bytes. HTTP/1 may read the rest of the body
// before it sends the head of the answer.
func (x *exchange) writing(n int) {
	if x.conn == nil {
		return
	}
	if x.body != nil {
		x.body.discarding()
	}
	if x.answer.timeout > 0 {
		until := x.answer.begin(n)
		if !x.streams {
			_ = x.conn.SetWriteDeadline(until)
		}
	}
}

// wrote notes how a write ended.
func (x *exchange) wrote(n int64, err error) {
	if x.conn == nil || x.answer.timeout == 0 {
		return
	}
	expired := x.answer.finish(n)
	if (expired || errors.Is(err, os.ErrDeadlineExceeded)) && !x.late.Swap(true) && x.limits.Late != nil {
		x.limits.Late(x.request, ForAnswer)
	}
}

// Unwrap implements what http.ResponseController asks for.
func (x *exchange) Unwrap() http.ResponseWriter { return x.ResponseWriter }

// EnableFullDuplex implements what http.ResponseController asks for. The connection
// ends with the answer unless the body was read to its end: net/http would parse
// the rest as the next request if reading it timed out.
func (x *exchange) EnableFullDuplex() error {
	x.duplex = true
	return http.NewResponseController(x.ResponseWriter).EnableFullDuplex()
}

// WriteHeader implements http.ResponseWriter. Interim heads are sent at once.
func (x *exchange) WriteHeader(status int) {
	if status >= http.StatusOK {
		x.ResponseWriter.WriteHeader(status)
		return
	}
	x.writing(0)
	x.ResponseWriter.WriteHeader(status)
	x.wrote(0, nil)
}

// Write implements http.ResponseWriter.
func (x *exchange) Write(p []byte) (int, error) {
	x.writing(len(p))
	n, err := x.ResponseWriter.Write(p)
	x.wrote(int64(n), err)
	return n, err
}

// FlushError implements what http.ResponseController asks for.
func (x *exchange) FlushError() error {
	x.writing(0)
	err := http.NewResponseController(x.ResponseWriter).Flush()
	x.wrote(0, err)
	return err
}

// Hijack implements http.Hijacker. The connection has no deadlines then.
func (x *exchange) Hijack() (net.Conn, *bufio.ReadWriter, error) {
	conn, buffered, err := http.NewResponseController(x.ResponseWriter).Hijack()
	x.hijacked = err == nil
	return conn, buffered, err
}

// ReadFrom implements io.ReaderFrom, which lets the kernel send files. What
// other sources take to read is not the client's time, so only their writes
// are bounded.
func (x *exchange) ReadFrom(src io.Reader) (int64, error) {
	limited, ok := src.(*io.LimitedReader)
	if !ok {
		limited = &io.LimitedReader{R: src, N: math.MaxInt64}
	}
	to, sends := x.ResponseWriter.(io.ReaderFrom)
	if _, isFile := limited.R.(file); !sends || !isFile {
		buffer := buffers.Get().(*[32 << 10]byte)
		defer buffers.Put(buffer)
		return io.CopyBuffer(writerOnly{x}, readerOnly{src}, buffer[:])
	}
	total := int64(0)
	for limited.N > 0 {
		// The kernel sends what is one LimitedReader around a file.
		size := min(piece, limited.N)
		x.writing(int(size))
		n, err := to.ReadFrom(&io.LimitedReader{R: limited.R, N: size})
		x.wrote(n, err)
		total += n
		limited.N -= n
		if err != nil || n < size {
			return total, err
		}
	}
	return total, nil
}

// file is an *os.File, or what package os wraps one in.
type file interface {
	syscall.Conn
	Stat() (fs.FileInfo, error)
}

// writerOnly and readerOnly hide from io.CopyBuffer what would bypass Write.
type (
	writerOnly struct{ io.Writer }
	readerOnly struct{ io.Reader }
)

var buffers = sync.Pool{New: func() any { return new([32 << 10]byte) }}

var (
	_ http.Hijacker = (*exchange)(nil)
	_ io.ReaderFrom = (*exchange)(nil)
)
