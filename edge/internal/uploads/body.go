package uploads

import (
	"errors"
	"fmt"
	"io"

	"github.com/tus/tusd/v2/pkg/handler"

	"github.com/tenantedge/tenantedge/edge/internal/pace"
	"github.com/tenantedge/tenantedge/edge/storage"
)

// errBody marks errors of the client: its content did not arrive completely, or
// not in time.
var errBody = errors.New("uploads: the content did not arrive")

// body is the content of a request.
type body struct {
	*pace.Body
	from  io.Reader // the Body, or a reader around it
	limit int64     // 0: none
	read  int64
}

// Read implements io.Reader.
func (b *body) Read(p []byte) (int, error) {
	n, err := b.from.Read(p)
	b.read += int64(n)
	var interrupted handler.Error
	switch {
	case errors.As(err, &interrupted):
		return n, err // package handler made it, and expects it
	case b.limit > 0 && b.read > b.limit:
		return 0, storage.ErrTooLarge
	case err != nil && err != io.EOF:
		err = fmt.Errorf("%w: %w", errBody, err)
	}
	return n, err
}
