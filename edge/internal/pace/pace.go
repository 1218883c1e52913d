// Package pace limits how long a server waits for clients: for the next bytes of a
// request's body, and for room to write a response.
//
//	server.Handler = pace.Handler(&pace.Limits{Body: time.Minute, Answer: time.Minute}, handler)
//
// While the server waits, a client must transfer Limits.Rate bytes a second. If it
// falls behind by the time of the limit, the transfer fails. Only waiting for the
// client counts: a slow application fails no request. The server's ReadTimeout and
// WriteTimeout may have the same values; they apply outside of the handler and are
// lifted inside.
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

// DefaultRate is the default of Limits.Rate, in bytes a second.
const DefaultRate = 1 << 10

// chunk is how many bytes of a file are written at once. The pace is measured
// between chunks.
const chunk = 64 << 10

// discardTime bounds reading the part of a body that the handler did not read.
const discardTime = 5 * time.Second

// hangUpAfter is how long a write may last after its HTTP/2 stream was reset.
const hangUpAfter = 5 * time.Second

// ErrSlow is in the chain of the error of Body.Read for a client that fell behind.
var ErrSlow = errors.New("pace: the client sends too slowly")

// Direction is what the server waits for.
type Direction int

// The directions of a transfer.
const (
	ForBody Direction = iota
	ForAnswer
)

// Limits are the times by which a client may fall behind its pace. 0: no limit.
type Limits struct {
	Body, Answer time.Duration
	// Rate is the pace, in bytes a second; 0: DefaultRate.
	Rate int64
	// Late is called when a transfer fails because the client fell behind; it may
	// be nil.
	Late func(*http.Request, Direction)
	// HangUp closes the connection of the request with the given context. It is
	// called if resetting an HTTP/2 stream does not end a write; it may be nil.
	HangUp func(context.Context)
}

func (l *Limits) rate() int64 { return cmp.Or(l.Rate, DefaultRate) }

// Handler calls next with a body and a ResponseWriter that enforce the limits.
func Handler(l *Limits, next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		x := &exchange{ResponseWriter: w, limits: l, request: r, conn: deadlinesOf(w), streams: r.ProtoMajor > 1}
		x.answer.timeout, x.answer.rate = l.Answer, l.rate()
		defer x.end()
		if r.Body != nil && r.Body != http.NoBody {
			x.body = newBody(x, r.Body, l.Body)
			// Copy the request: net/http needs its own body in its own request.
			r = r.WithContext(r.Context())
			r.Body = x.body
		}
		if x.streams {
			x.answer.watch(x.conn, deadlines.SetWriteDeadline, x.hangUp)
		}
		next.ServeHTTP(x, r)
	})
}

// deadlines is implemented by the ResponseWriters of net/http.
type deadlines interface {
	SetReadDeadline(time.Time) error
	SetWriteDeadline(time.Time) error
}

// deadlinesOf returns the deadlines of w or of what it wraps; nil without any, as
// for recorders in tests.
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

// exchange is a request and its response.
type exchange struct {
	http.ResponseWriter
	limits   *Limits
	request  *http.Request
	conn     deadlines // nil: none
	streams  bool      // HTTP/2: a deadline that passes resets the stream, even if nothing is transferred
	hijacked bool
	duplex   bool        // the response may begin before the end of the body
	slow     atomic.Bool // the response failed because the client fell behind
	body     *Body       // nil: none
	answer   side
}

// end sets the deadlines for what net/http does after the handler: it writes
// buffered output and reads the rest of the body.
func (x *exchange) end() {
	if x.conn == nil || x.hijacked {
		return
	}
	lifted := x.answer.unwatch()
	if x.answer.timeout > 0 && (lifted || !x.streams) {
		_ = x.conn.SetWriteDeadline(time.Now().Add(x.answer.timeout))
	}
	if x.body != nil {
		x.body.handlerReturned()
	}
}

// closes reports whether the connection is closed after the response.
func (x *exchange) closes() bool { return x.request.Close || x.Header().Get("Connection") == "close" }

func (x *exchange) hangUp() {
	if x.limits.HangUp != nil {
		x.limits.HangUp(x.request.Context())
	}
}

// writing sets the deadline of a write of n bytes. HTTP/1 may read the rest of the
// body before it sends the header of the response.
func (x *exchange) writing(n int) {
	if x.conn == nil {
		return
	}
	if x.body != nil {
		x.body.boundDiscard()
	}
	if x.answer.timeout > 0 {
		until := x.answer.begin(n)
		if !x.streams {
			_ = x.conn.SetWriteDeadline(until)
		}
	}
}

// wrote notes the result of a write.
func (x *exchange) wrote(n int64, err error) {
	if x.conn == nil || x.answer.timeout == 0 {
		return
	}
	expired := x.answer.finish(n)
	if (expired || errors.Is(err, os.ErrDeadlineExceeded)) && !x.slow.Swap(true) && x.limits.Late != nil {
		x.limits.Late(x.request, ForAnswer)
	}
}

// Unwrap is for http.ResponseController.
func (x *exchange) Unwrap() http.ResponseWriter { return x.ResponseWriter }

// EnableFullDuplex is for http.ResponseController. Unless the body is read to its
// end, the connection is closed after the response: if reading the rest timed out,
// net/http would parse it as the next request.
func (x *exchange) EnableFullDuplex() error {
	x.duplex = true
	return http.NewResponseController(x.ResponseWriter).EnableFullDuplex()
}

// WriteHeader implements http.ResponseWriter. Interim (1xx) headers are sent
// immediately.
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

// FlushError is for http.ResponseController.
func (x *exchange) FlushError() error {
	x.writing(0)
	err := http.NewResponseController(x.ResponseWriter).Flush()
	x.wrote(0, err)
	return err
}

// Hijack implements http.Hijacker. The limits do not apply to the connection.
func (x *exchange) Hijack() (net.Conn, *bufio.ReadWriter, error) {
	conn, buffered, err := http.NewResponseController(x.ResponseWriter).Hijack()
	x.hijacked = err == nil
	return conn, buffered, err
}

// ReadFrom implements io.ReaderFrom, so that the kernel can send files. Reading
// another source may take time that is not the client's, so only the writes of its
// bytes are limited.
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
		// net/http uses sendfile for a LimitedReader of a file.
		size := min(chunk, limited.N)
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

// file is an *os.File, or a type in which package os wraps one.
type file interface {
	syscall.Conn
	Stat() (fs.FileInfo, error)
}

// writerOnly and readerOnly hide methods with which io.CopyBuffer would bypass
// Write.
type (
	writerOnly struct{ io.Writer }
	readerOnly struct{ io.Reader }
)

var buffers = sync.Pool{New: func() any { return new([32 << 10]byte) }}

var (
	_ http.Hijacker = (*exchange)(nil)
	_ io.ReaderFrom = (*exchange)(nil)
)
