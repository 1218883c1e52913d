package serve

import (
	"net/http"

	"github.com/tenantedge/tenantedge/edge/config"
	"github.com/tenantedge/tenantedge/edge/internal/errorpage"
	"github.com/tenantedge/tenantedge/edge/internal/files"
	"github.com/tenantedge/tenantedge/edge/internal/uploads"
	"github.com/tenantedge/tenantedge/edge/storage"
)

// acceptUploads lets clients change files. busy are the uploads that are open; nil: those
// of m only.
func (m *media) acceptUploads(c *config.Uploads, busy *uploads.Busy) {
	m.uploads = uploads.New(uploads.Options{
		MaxBytes: c.MaxBytes, Resumable: c.Resumable && !m.store.remote, Expiry: c.Expiry, Timeout: c.Timeout,
		Tag: files.Tag, Busy: busy, Logger: m.store.log, Fail: m.failUpload,
	})
	// A client that chooses names could upload the compressed form of another's file.
	m.options.Precompressed = false
}

// failUpload answers an upload that failed. err is nil if the client is at fault.
func (m *media) failUpload(w http.ResponseWriter, r *http.Request, status int, err error) {
	if err != nil && m.store.base.Err() != nil {
		refuseShutdown(w, r)
		return
	}
	if err != nil {
		noteOf(r.Context()).reason = err.Error()
		status = m.store.statusOfWrite(r, status, err)
	}
	if status == http.StatusInsufficientStorage { // a limit, not a failure of the edge
		errorpage.Write(w, r, status)
		return
	}
	m.store.failFile(w, r, status)
}

// upload carries out a request that changes files, if it is allowed.
func (m *media) upload(w http.ResponseWriter, r *http.Request, target resource, a uploads.Action) {
	if a.Method != "" {
		target.method, target.name, target.hasName = a.Method, a.Name, a.Name != ""
		if r.ContentLength != 0 {
			// A denial is answered before the content is read.
			w.Header().Set("Connection", "close")
		}
		if !m.access.allow(w, r, target) {
			return
		}
		w.Header().Del("Connection")
	}
	m.uploads.Serve(w, r, a)
}

// onlyReads is onlyReads with the methods of uploads in the header Allow.
func (m *media) onlyReads(w http.ResponseWriter, r *http.Request, of storage.View) bool {
	if m.uploads == nil || r.Method == http.MethodGet || r.Method == http.MethodHead {
		return onlyReads(w, r)
	}
	w.Header().Set("Allow", m.uploads.Allow(of))
	errorpage.Write(w, r, http.StatusMethodNotAllowed)
	return false
}

// uploadStats returns the sum of the statistics of all upload handlers.
func (s *generation) uploadStats() uploads.Stats {
	sum := uploads.Stats{Failed: make(map[int]uint64)}
	for _, h := range s.table.uploads {
		sum.Add(h.Stats())
	}
	return sum
}
