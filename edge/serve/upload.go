package serve

import (
	"context"
	"errors"
	"io/fs"
	"net/http"

	"github.com/tenantedge/tenantedge/edge/config"
	"github.com/tenantedge/tenantedge/edge/internal/files"
	"github.com/tenantedge/tenantedge/edge/internal/uploads"
	"github.com/tenantedge/tenantedge/edge/storage"
	"github.com/tenantedge/tenantedge/edge/storage/disk"
)

// mediaStorage is how tenants' files are kept; in a bucket, what of that holds
// there too.
func mediaStorage(m *config.Media) disk.Config {
	c := disk.Config{Location: m.Location, BaseURL: m.BaseURL, MaxSize: m.MaxFileBytes, MaxDepth: m.MaxDepth, MinFree: m.MinFree}
	if q := (storage.Quota{Bytes: m.QuotaBytes, Files: m.QuotaFiles}); q != (storage.Quota{}) {
		c.Quota = func(storage.Tenant) storage.Quota { return q }
	}
	return c
}

// takeUploads lets clients change files.
func (m *media) takeUploads(c *config.Uploads) {
	s := m.store.server
	m.uploads = uploads.New(uploads.Options{
		MaxBytes: c.MaxBytes, Resumable: c.Resumable && !m.store.remote, Expiry: c.Expiry, Timeout: c.Timeout,
		Tag: files.Tag, Logger: s.log,
		Fail: func(w http.ResponseWriter, r *http.Request, status int, err error) {
			if err != nil && s.base.Err() != nil {
				s.refuseEnding(w, r)
				return
			}
			if err != nil {
				noteOf(r.Context()).reason = err.Error()
				status = m.store.unwritten(r, status, err)
			}
			if status == http.StatusInsufficientStorage { // which is nobody's failure
				writeError(w, status, "")
				return
			}
			s.failFile(w, r, status)
		},
	})
	// Who can name an upload could pass it off as another's compressed form.
	m.options.Precompressed = false
}

// upload does what a request asks for that changes files, if it may.
func (m *media) upload(w http.ResponseWriter, r *http.Request, what resource, a uploads.Action) {
	if a.Method != "" {
		what.method, what.name, what.hasName = a.Method, a.Name, a.Name != ""
		if r.ContentLength != 0 {
			// For a refusal that comes before the content.
			w.Header().Set("Connection", "close")
		}
		if !m.access.allow(w, r, what) {
			return
		}
		w.Header().Del("Connection")
	}
	m.uploads.Serve(w, r, a)
}

// onlyReads answers methods that are none of those for files.
func (m *media) onlyReads(w http.ResponseWriter, r *http.Request, of storage.View) bool {
	if m.uploads == nil || r.Method == http.MethodGet || r.Method == http.MethodHead {
		return onlyReads(w, r)
	}
	w.Header().Set("Allow", m.uploads.Allow(of))
	writeError(w, http.StatusMethodNotAllowed, "")
	return false
}

// unwritten is what a client is told of a file that could not be written, where
// status is what that would be on a disk: a server that cannot be had, or does
// not let us write, is no fault of the client's.
func (s *store) unwritten(r *http.Request, status int, err error) int {
	switch {
	case !s.remote:
		return status
	case status == http.StatusForbidden && errors.Is(err, fs.ErrPermission):
		s.server.log.ErrorContext(r.Context(), "the bucket may not be written to", "error", err, "host", r.Host)
		return http.StatusBadGateway
	case status == http.StatusInternalServerError:
		return http.StatusBadGateway
	}
	return status
}

// Uploads counts what clients have uploaded, for metrics.
func (s *Server) Uploads() uploads.Stats {
	sum := uploads.Stats{Failed: make(map[int]uint64)}
	for _, h := range s.table.uploads {
		sum.Add(h.Stats())
	}
	return sum
}

// guestStorage is the media of a store for guests: a tenant whose files would
// be another's has none, and the guest is not asked who that is while it is in
// the middle of a call.
type guestStorage struct {
	storage.Storage
	store *store
}

// View implements storage.Storage.
func (g guestStorage) View(ctx context.Context, t storage.Tenant) (storage.View, error) {
	i := g.store.identifiers.Load()
	if i == nil {
		return nil, errNotChecked
	}
	files, err := g.Storage.View(ctx, t)
	if err != nil {
		return nil, err
	}
	switch err, known := apart(i, t, files.Identifier()); {
	case !known:
		return nil, errors.Join(errNotChecked, files.Close())
	case err != nil:
		return nil, errors.Join(err, files.Close())
	}
	return files, nil
}

var errNotChecked = errorf("%w: it is not known yet whether another tenant has it", storage.ErrIdentifier)
