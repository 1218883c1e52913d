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
	from     io.ReadCloser

	// mu is held where deadlines are set: that of Stop is to be the last one.
	mu      sync.Mutex
	pace    side
	reading int           // how many reads are under way
	stopped error         // what reading returns from now on
	read    bool          // to its end, or until it failed
	whole   bool          // to its end
	over    bool          // Stop does nothing any more
	ended   chan struct{} // not nil: the handler has returned. Closed by the last read that was under way.
}

func newBody(x *exchange, from io.ReadCloser, timeout time.Duration) *Body {
	b := &Body{exchange: x, from: from}
	b.pace.timeout, b.pace.rate = timeout, x.limits.rate()
	if x.streams {
		b.pace.watch(x.conn, deadlines.SetReadDeadline, func() {})
	}
	return b
}

// Hold lets the client of r fall behind by timeout, in place of the limit that
// Handler has, and returns what to read the body from. A request that did not
// come through Handler is held too.
func Hold(w http.ResponseWriter, r *http.Request, timeout time.Duration) (*Body, io.ReadCloser) {
	if b := bodyOf(w); b != nil {
		b.hold(timeout)
		return b, r.Body // which may be around it
	}
	x := &exchange{ResponseWriter: w, limits: new(Limits), request: r, conn: deadlinesOf(w), streams: r.ProtoMajor > 1}
	b := newBody(x, r.Body, timeout)
	return b, b
}

// bodyOf returns the body of the request that w answers; nil: it has none, or
// did not come through Handler.
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

// Slow reports whether the client of the request that w answers fell behind
// with its body. It does so as soon as net/http cancels the request for that,
// which is before Read returns.
func Slow(w http.ResponseWriter) bool {
	b := bodyOf(w)
	if b == nil {
		return false
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	late := b.reading > 0 && b.pace.timeout > 0 && !time.Now().Before(b.pace.until)
	return late || errors.Is(b.stopped, ErrSlow)
}

// hold changes the limit. The server's own, which a stream has, is lifted.
func (b *Body) hold(timeout time.Duration) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.pace.unwatch()
	b.pace = side{timeout: timeout, rate: b.pace.rate}
	if x := b.exchange; x.streams {
		_ = x.conn.SetReadDeadline(time.Time{})
		b.pace.watch(x.conn, deadlines.SetReadDeadline, func() {})
	}
}

// Read implements io.Reader. Its error has ErrSlow in its chain when the client
// fell behind.
func (b *Body) Read(p []byte) (int, error) {
	if err := b.begin(); err != nil {
		return 0, err
	}
	n, err := b.from.Read(p)
	return n, b.finish(n, err)
}

func (b *Body) begin() error {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.stopped != nil {
		return b.stopped
	}
	if b.ended != nil {
		return http.ErrBodyReadAfterClose
	}
	b.reading++
	x := b.exchange
	if b.pace.timeout == 0 || x.conn == nil {
		return nil
	}
	first := b.pace.began.IsZero()
	until := b.pace.begin(0)
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
	if b.ended != nil && b.reading == 0 {
		defer close(b.ended)
	}
	if b.pace.timeout > 0 && b.exchange.conn != nil {
		b.pace.finish(int64(n))
	}
	switch {
	case b.stopped != nil:
		return b.stopped
	case err == nil:
		return nil
	case b.ended != nil && errors.Is(err, os.ErrDeadlineExceeded):
		return err // it was ended, and the body has not been read
	}
	b.read = true
	b.whole = b.whole || err == io.EOF
	if b.over || !errors.Is(err, os.ErrDeadlineExceeded) {
		return err
	}
	b.stopped = fmt.Errorf("%w: %w", ErrSlow, err)
	if late := b.exchange.limits.Late; late != nil {
		late(b.exchange.request, ForBody)
	}
	return b.stopped
}

// discarding bounds what HTTP/1 reads of the body by itself, before it answers
// or when the body is closed.
func (b *Body) discarding() {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.reading == 0 && b.ended == nil {
		b.boundRest()
	}
}

// boundRest gives HTTP/1 time to read what is left, so that the connection can
// serve another request. The answer waits for that, so it is short.
func (b *Body) boundRest() {
	x := b.exchange
	if b.pace.timeout > 0 && !x.streams && x.conn != nil && !b.read && b.stopped == nil {
		_ = x.conn.SetReadDeadline(time.Now().Add(min(b.pace.timeout, restTime)))
	}
}

// handled is called when the handler returns. HTTP/1 then reads what is left.
func (b *Body) handled() {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.pace.unwatch()
	b.over = true
	x := b.exchange
	if x.streams || x.conn == nil {
		return
	}
	interrupted := b.endReads()
	b.boundRest()
	if b.stopped != nil || !b.read && x.closes() || !b.whole && (x.duplex || interrupted) {
		_ = x.conn.SetReadDeadline(past) // what is left is of no use
		linger(x.conn)
	}
}

// endReads ends what other goroutines read, which the client could let last, and
// lets no further read begin. It reports whether there was any. net/http would end
// them too, but forgets the deadline then. b.mu is held.
func (b *Body) endReads() bool {
	b.ended = make(chan struct{})
	if b.reading == 0 || b.exchange.conn.SetReadDeadline(past) != nil {
		return false
	}
	b.mu.Unlock()
	<-b.ended
	b.mu.Lock()
	return true
}

// linger has HTTP/1 close a connection, half a second after the answer. At once, a
// client that still sends would get a reset instead of the answer (RFC 9112, 9.6).
// net/http does so where a body turns out longer than MaxBytesReader allows, and
// can be asked in no other way.
func linger(conn deadlines) {
	w, ok := conn.(http.ResponseWriter)
	if !ok {
		return
	}
	tooLong := http.MaxBytesReader(w, io.NopCloser(strings.NewReader(".")), 0)
	_, _ = tooLong.Read(make([]byte, 1))
}

// Stop has reading fail with err, and a read under way return. It may be called
// by another goroutine; once the body has been read it does nothing.
func (b *Body) Stop(err error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.read || b.over || b.stopped != nil {
		return
	}
	b.stopped = err
	if b.exchange.conn != nil {
		_ = b.exchange.conn.SetReadDeadline(past)
	}
}

// End notes that the request is about to be answered: Stop does nothing from
// here on, because the connection goes on to the next request.
func (b *Body) End() {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.over = true
}

// Close implements io.Closer.
func (b *Body) Close() error {
	b.discarding()
	return b.from.Close()
}
