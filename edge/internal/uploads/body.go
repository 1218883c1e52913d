package uploads

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"sync"
	"time"

	"github.com/tenantedge/tenantedge/edge/storage"
)

// slowest is how many bytes a second a client must send, once its timeout has
// passed.
const slowest = 1 << 10

// errBody is in the chain of errors that are the client's: its content did not
// come as a whole, or in time.
var errBody = errors.New("uploads: the content did not come")

// body is content as it comes.
type body struct {
	from    io.ReadCloser
	control *http.ResponseController
	limit   int64 // 0: none
	read    int64
	started time.Time
	timeout time.Duration

	// mu is held where deadlines are set: that of stop is to be the last one.
	mu      sync.Mutex
	stopped error // what reading gives from now on
	ended   bool  // nothing is read any more, and the connection is not the body's
}

// Read fails if the client is slower than it may be: a pause is as long as the
// timeout at most, and so is what it falls behind.
func (b *body) Read(p []byte) (int, error) {
	if err := b.expect(); err != nil {
		return 0, err
	}
	n, err := b.from.Read(p)
	b.mu.Lock()
	defer b.mu.Unlock()
	b.read += int64(n)
	switch {
	case b.stopped != nil:
		return n, b.stopped
	case b.limit > 0 && b.read > b.limit:
		return 0, storage.ErrTooLarge
	case err != nil:
		b.ended = true
		if err != io.EOF {
			err = fmt.Errorf("%w: %w", errBody, err)
		}
	}
	return n, err
}

// expect sets the deadline of the next read.
func (b *body) expect() error {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.stopped != nil {
		return b.stopped
	}
	now := time.Now()
	ends := b.started.Add(b.timeout + time.Duration(b.read/slowest)*time.Second)
	if now.After(ends) {
		return fmt.Errorf("%w: %w", errBody, os.ErrDeadlineExceeded)
	}
	if pause := now.Add(b.timeout); pause.Before(ends) {
		ends = pause
	}
	_ = b.control.SetReadDeadline(ends) // a recorder in a test has none
	return nil
}

// stop has reading fail with err, and a read under way return. It may be called
// by another goroutine; once the content has been read it does nothing.
func (b *body) stop(err error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.ended || b.stopped != nil {
		return
	}
	b.stopped = err
	_ = b.control.SetReadDeadline(time.Unix(1, 0))
}

// end tells that the request is about to be answered: its connection goes on
// to the next one, which no stop may disturb.
func (b *body) end() {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.ended = true
}

// Close implements io.Closer.
func (b *body) Close() error { return b.from.Close() }
