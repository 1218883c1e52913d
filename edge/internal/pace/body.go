package pace

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"strings"
	"sync"
	"time"
)

// Body is the body of a request.
type Body struct {
	exchange *exchange
	body     io.ReadCloser

	// mu is held while deadlines are set, so that none replaces that of Stop.
	mu         sync.Mutex
	side       side
	reading    int           // reads in progress
	stopped    error         // the error of further reads
	finished   bool          // at its end, or failed
	complete   bool          // read to its end
	done       bool          // Stop has no effect
	readsEnded chan struct{} // nil until the handler returns; closed by the last read in progress
}

func newBody(x *exchange, from io.ReadCloser, timeout time.Duration) *Body {
	b := &Body{exchange: x, body: from}
	b.side.timeout, b.side.rate = timeout, x.limits.rate()
	if x.streams {
		b.side.watch(x.conn, deadlines.SetReadDeadline, func() {})
	}
	return b
}

// WithTimeout replaces Limits.Body by timeout for r, and returns the reader to
// use as the body. The request need not have come through Handler.
func WithTimeout(w http.ResponseWriter, r *http.Request, timeout time.Duration) (*Body, io.ReadCloser) {
	if b := bodyOf(w); b != nil {
		b.setTimeout(timeout)
		return b, r.Body // which may wrap b
	}
	x := &exchange{ResponseWriter: w, limits: new(Limits), request: r, conn: deadlinesOf(w), streams: r.ProtoMajor > 1}
	b := newBody(x, r.Body, timeout)
	return b, b
}

// bodyOf returns the body of the request of w; nil if it has none, or did not come
// through Handler.
func bodyOf(w http.ResponseWriter) *Body {
	for {
		if x, ok := w.(*exchange); ok {
			return x.body
		}
		u, ok := w.(interface{ Unwrap() http.ResponseWriter })
		if !ok {
			return nil
		}
		w = u.Unwrap()
	}
}

// Slow reports whether the client of the request of w fell behind with the body.
// It reports true as soon as net/http cancels the request for that reason, which is
// before Read returns. The body then counts as late, since the handler may return
// before Read does.
func Slow(w http.ResponseWriter) bool {
	b := bodyOf(w)
	if b == nil {
		return false
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	late := b.reading > 0 && b.side.timeout > 0 && !time.Now().Before(b.side.until)
	if late && b.stopped == nil {
		b.fallBehind(ErrSlow)
	}
	return late || errors.Is(b.stopped, ErrSlow)
}

// fallBehind makes all reads fail with err, and reports that the client is late.
func (b *Body) fallBehind(err error) {
	b.stopped = err
	if late := b.exchange.limits.Late; late != nil {
		late(b.exchange.request, ForBody)
	}
}

// setTimeout changes the limit, and lifts the server's deadline of a stream.
func (b *Body) setTimeout(timeout time.Duration) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.side.unwatch()
	b.side = side{timeout: timeout, rate: b.side.rate}
	if x := b.exchange; x.streams {
		_ = x.conn.SetReadDeadline(time.Time{})
		b.side.watch(x.conn, deadlines.SetReadDeadline, func() {})
	}
}

// Read implements io.Reader. For a client that fell behind, its error has ErrSlow
// in its chain.
func (b *Body) Read(p []byte) (int, error) {
	if err := b.begin(); err != nil {
		return 0, err
	}
	n, err := b.body.Read(p)
	return n, b.finish(n, err)
}

func (b *Body) begin() error {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.stopped != nil {
		return b.stopped
	}
	if b.readsEnded != nil {
		return http.ErrBodyReadAfterClose
	}
	b.reading++
	x := b.exchange
	if b.side.timeout == 0 || x.conn == nil {
		return nil
	}
	first := b.side.began.IsZero()
	until := b.side.begin(0)
	if x.streams {
		return nil
	}
	_ = x.conn.SetReadDeadline(until)
	if first && x.answer.timeout > 0 && len(x.request.Header["Expect"]) > 0 {
		_ = x.conn.SetWriteDeadline(until) // the first read sends 100 Continue
	}
	return nil
}

func (b *Body) finish(n int, err error) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.reading--
	if b.readsEnded != nil && b.reading == 0 {
		defer close(b.readsEnded)
	}
	if b.side.timeout > 0 && b.exchange.conn != nil {
		b.side.finish(int64(n))
	}
	switch {
	case b.stopped != nil:
		return b.stopped
	case err == nil:
		return nil
	case b.readsEnded != nil && errors.Is(err, os.ErrDeadlineExceeded):
		return err // stopped by endReads
	}
	b.finished = true
	b.complete = b.complete || err == io.EOF
	if b.done || !errors.Is(err, os.ErrDeadlineExceeded) {
		return err
	}
	b.fallBehind(fmt.Errorf("%w: %w", ErrSlow, err))
	return b.stopped
}

// boundDiscard sets the deadline for the rest of the body, which HTTP/1 reads
// before it sends the response or when the body is closed.
func (b *Body) boundDiscard() {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.reading == 0 && b.readsEnded == nil {
		b.setDiscardDeadline()
	}
}

// setDiscardDeadline gives HTTP/1 a short time to read the rest of the body, so
// that the connection can serve another request. The response waits meanwhile.
func (b *Body) setDiscardDeadline() {
	x := b.exchange
	if b.side.timeout > 0 && !x.streams && x.conn != nil && !b.finished && b.stopped == nil {
		_ = x.conn.SetReadDeadline(time.Now().Add(min(b.side.timeout, discardTime)))
	}
}

// handlerReturned is called when the handler returns. HTTP/1 then reads the rest of
// the body.
func (b *Body) handlerReturned() {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.side.unwatch()
	b.done = true
	x := b.exchange
	if x.streams || x.conn == nil {
		return
	}
	interrupted := b.endReads()
	b.setDiscardDeadline()
	if b.stopped != nil || !b.finished && x.closes() || !b.complete && (x.duplex || interrupted) {
		_ = x.conn.SetReadDeadline(past) // do not read the rest
		closeAfterAnswer(x.conn)
	}
}

// endReads stops the reads of other goroutines, which the client could delay, and
// prevents further ones. It reports whether there were any. net/http would stop
// them too, but would then clear the deadline. The caller holds b.mu.
func (b *Body) endReads() bool {
	b.readsEnded = make(chan struct{})
	if b.reading == 0 || b.exchange.conn.SetReadDeadline(past) != nil {
		return false
	}
	b.mu.Unlock()
	<-b.readsEnded
	b.mu.Lock()
	return true
}

// closeAfterAnswer makes HTTP/1 close the connection half a second after the
// response. If it closed immediately, a client that is still sending would get a
// reset instead of the response (RFC 9112, 9.6). net/http does this for a body
// longer than MaxBytesReader allows, and has no other API for it.
func closeAfterAnswer(conn deadlines) {
	w, ok := conn.(http.ResponseWriter)
	if !ok {
		return
	}
	tooLong := http.MaxBytesReader(w, io.NopCloser(strings.NewReader(".")), 0)
	_, _ = tooLong.Read(make([]byte, 1))
}

// Stop makes reads fail with err, including one in progress. It may be called
// concurrently. It has no effect on a body that has been read.
func (b *Body) Stop(err error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.finished || b.done || b.stopped != nil {
		return
	}
	b.stopped = err
	if b.exchange.conn != nil {
		_ = b.exchange.conn.SetReadDeadline(past)
	}
}

// End disables Stop. Call it before the response, after which the connection serves
// the next request.
func (b *Body) End() {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.done = true
}

// Close implements io.Closer.
func (b *Body) Close() error {
	b.boundDiscard()
	return b.body.Close()
}
