package serve

import (
	"context"
	"errors"
	"io/fs"
	"log/slog"
	"net/http"
	"syscall"

	"github.com/tenantedge/tenantedge/edge"
	"github.com/tenantedge/tenantedge/edge/internal/errorpage"
	"github.com/tenantedge/tenantedge/edge/internal/files"
	"github.com/tenantedge/tenantedge/edge/storage"
	"github.com/tenantedge/tenantedge/guest/abi"
	"github.com/tenantedge/tenantedge/tenantdb"
)

// core is what the handlers of files need.
type core struct {
	host      *edge.Host
	log       *slog.Logger
	static    []abi.StaticTenant
	directory *tenantdb.Directory // nil: there are only static tenants
	cache     *files.Cache        // of small files; nil: none

	base      context.Context    // of all requests
	interrupt context.CancelFunc // ends base: open requests are interrupted
}

// refused answers a request that the Host refused. A host name that no tenant
// has is served by the fallback urlconf, if one is configured.
func (s *generation) refused(w http.ResponseWriter, r *http.Request, e *edge.RouteError) {
	if s.refuseInterrupted(w, r, e.Status) {
		return
	}
	noteOf(r.Context()).reason = e.Reason
	if e.Outcome == abi.Missing && s.table.fallback != nil {
		s.table.serveNone(w, r)
		return
	}
	closeUnread(w, r)
	errorpage.WriteUnrouted(w, r, e.Status)
}

// refuseInterrupted answers a request that failed with status because a shutdown
// interrupted it, and reports whether it did. Interrupted requests fail in many
// ways, for example with an error of the guest.
func (c *core) refuseInterrupted(w http.ResponseWriter, r *http.Request, status int) bool {
	if status < http.StatusInternalServerError || c.base.Err() == nil {
		return false
	}
	refuseShutdown(w, r)
	return true
}

// refuseShutdown answers a request that a shutdown interrupts.
func refuseShutdown(w http.ResponseWriter, r *http.Request) {
	noteOf(r.Context()).reason = "the edge is shutting down"
	w.Header().Set("Connection", "close")
	errorpage.Write(w, r, http.StatusServiceUnavailable)
}

// closeUnread closes the connection after the answer if the request has a body.
// net/http would otherwise wait for the body before it answers.
func closeUnread(w http.ResponseWriter, r *http.Request) {
	if r.ProtoMajor == 1 && r.Body != nil && r.Body != http.NoBody {
		w.Header().Set("Connection", "close")
	}
}

// failFile answers a request for a file that is not sent.
func (c *core) failFile(w http.ResponseWriter, r *http.Request, status int) {
	if c.refuseInterrupted(w, r, status) {
		return
	}
	if status >= http.StatusInternalServerError {
		noteOf(r.Context()).reason = http.StatusText(status)
	}
	errorpage.Write(w, r, status)
}

// statusOf returns the status for a file that cannot be opened. Every reason is
// 404 unless a later request may succeed or the guest failed.
func statusOf(err error) int {
	switch {
	case errors.Is(err, storage.ErrNoTenant):
		return http.StatusNotFound
	case errors.Is(err, edge.ErrGuest):
		return http.StatusBadGateway
	case errors.Is(err, edge.ErrBusy), errors.Is(err, storage.ErrIdentifier), files.Exhausted(err),
		errors.Is(err, context.Canceled), errors.Is(err, context.DeadlineExceeded):
		return http.StatusServiceUnavailable
	}
	return http.StatusNotFound
}

// status is statusOf for files of the store. A bucket's server that fails does
// not mean that the file is missing: 502.
func (s *store) status(err error) int {
	status := statusOf(err)
	if !s.remote || status != http.StatusNotFound {
		return status
	}
	for _, known := range []error{fs.ErrNotExist, fs.ErrInvalid, storage.ErrSuspicious, storage.ErrNoTenant, syscall.ENAMETOOLONG, syscall.ENOTDIR, syscall.EISDIR} {
		if errors.Is(err, known) {
			return status
		}
	}
	return http.StatusBadGateway
}

// statusOfWrite returns the status for a file that cannot be written, where disk
// is the status if the store is a disk. Failures of a bucket's server are 502.
func (s *store) statusOfWrite(r *http.Request, disk int, err error) int {
	switch {
	case !s.remote:
		return disk
	case disk == http.StatusForbidden && errors.Is(err, fs.ErrPermission):
		s.log.ErrorContext(r.Context(), "writing to the bucket is not permitted", "error", err, "host", r.Host)
		return http.StatusBadGateway
	case disk == http.StatusInternalServerError:
		return http.StatusBadGateway
	}
	return disk
}
