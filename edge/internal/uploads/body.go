package uploads

import (
	"errors"
	"fmt"
	"io"

	"github.com/tus/tusd/v2/pkg/handler"

	"github.com/tenantedge/tenantedge/edge/internal/pace"
	"github.com/tenantedge/tenantedge/edge/storage"
)

// errBody is in the chain of errors that are the client's: its content did not
// come as a whole, or in time.
var errBody = errors.New("uploads: the content did not come")

// body is content as it comes.
type body struct {
	*pace.Body
	from  io.Reader // the Body, or what is around it
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
		return n, err // for package handler, which made it
	case b.limit > 0 && b.read > b.limit:
		return 0, storage.ErrTooLarge
	case err != nil && err != io.EOF:
		err = fmt.Errorf("%w: %w", errBody, err)
	}
	return n, err
}
