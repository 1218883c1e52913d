package uploads

import (
	"context"
	"errors"
	"io/fs"
	"net/http"
	"os"
	"syscall"

	"github.com/tenantedge/tenantedge/edge/storage"
	"github.com/tenantedge/tenantedge/edge/storage/backend"
)

// statusOf returns the HTTP status for an error of an upload.
func statusOf(err error) int {
	var large *http.MaxBytesError
	switch {
	case errors.Is(err, storage.ErrTooLarge), errors.As(err, &large):
		return http.StatusRequestEntityTooLarge
	case errors.Is(err, storage.ErrQuota), errors.Is(err, storage.ErrFull), errors.Is(err, syscall.ENOSPC), errors.Is(err, syscall.EDQUOT):
		return http.StatusInsufficientStorage
	case errors.Is(err, storage.ErrChanged):
		return http.StatusPreconditionFailed
	case errors.Is(err, errBody) && errors.Is(err, os.ErrDeadlineExceeded):
		return http.StatusRequestTimeout
	case errors.Is(err, errBody), errors.Is(err, errDigest), errors.Is(err, errNoDigest):
		return http.StatusBadRequest
	case errors.Is(err, backend.ErrOffset), errors.Is(err, fs.ErrExist):
		return http.StatusConflict
	case errors.Is(err, backend.ErrPartialBusy):
		return http.StatusLocked
	case errors.Is(err, storage.ErrSuspicious), errors.Is(err, storage.ErrDepth), errors.Is(err, syscall.ENAMETOOLONG), errors.Is(err, fs.ErrPermission):
		return http.StatusForbidden
	case errors.Is(err, fs.ErrNotExist), errors.Is(err, storage.ErrNoTenant), errors.Is(err, syscall.ENOTDIR):
		return http.StatusNotFound
	case errors.Is(err, syscall.EMFILE), errors.Is(err, syscall.ENFILE), errors.Is(err, context.Canceled), errors.Is(err, context.DeadlineExceeded):
		return http.StatusServiceUnavailable
	}
	return http.StatusInternalServerError
}
