package uploads

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
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
}

// Read fails if the client is slower than it may be: a pause is as long as the
// timeout at most, and so is what it falls behind.
func (b *body) Read(p []byte) (int, error) {
	now := time.Now()
	ends := b.started.Add(b.timeout + time.Duration(b.read/slowest)*time.Second)
	if now.After(ends) {
		return 0, fmt.Errorf("%w: %w", errBody, os.ErrDeadlineExceeded)
	}
	if pause := now.Add(b.timeout); pause.Before(ends) {
		ends = pause
	}
	_ = b.control.SetReadDeadline(ends) // a recorder in a test has none
	n, err := b.from.Read(p)
	b.read += int64(n)
	if b.limit > 0 && b.read > b.limit {
		return 0, storage.ErrTooLarge
	}
	if err != nil && err != io.EOF {
		err = fmt.Errorf("%w: %w", errBody, err)
	}
	return n, err
}

// Close implements io.Closer.
func (b *body) Close() error { return b.from.Close() }
