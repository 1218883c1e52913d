package uploads

import (
	"errors"
	"fmt"
	"io/fs"
	"net/http"
	"strings"
	"time"

	"github.com/tenantedge/tenantedge/edge/internal/files"
	"github.com/tenantedge/tenantedge/edge/internal/pace"
	"github.com/tenantedge/tenantedge/edge/storage"
)

// put creates a file, or replaces the one that If-Match names.
func (h *Handler) put(w http.ResponseWriter, r *http.Request, a *Action) {
	if status, err := h.checkPut(w, r); err != nil {
		h.fail(w, r, status, err)
		return
	}
	content, err := verifyDigests(h.body(w, r), r.Header)
	if err != nil {
		h.fail(w, r, http.StatusBadRequest, err)
		return
	}
	var info fs.FileInfo
	status := http.StatusCreated
	if c := h.conditions(r.Header); c.ifMatch != nil {
		status = http.StatusNoContent
		info, err = a.files.edit.Replace(r.Context(), a.Name, content, c.met)
	} else {
		if err = c.allowCreation(func() (fs.FileInfo, error) { return a.files.Stat(a.Name) }); err == nil {
			info, err = a.files.edit.Create(r.Context(), a.Name, content)
		}
	}
	if err != nil {
		status = statusOf(err)
		if status == http.StatusConflict && r.Header.Get("If-None-Match") != "" || status == http.StatusNotFound && errors.Is(err, fs.ErrNotExist) {
			status = http.StatusPreconditionFailed
		}
		h.fail(w, r, status, err)
		return
	}
	h.counts.received(info.Size())
	w.Header().Set("ETag", h.options.Tag(info))
	if status == http.StatusCreated {
		h.counts.created.Add(1)
		w.Header().Set("Location", a.url(a.Name))
	} else {
		h.counts.replaced.Add(1)
	}
	w.WriteHeader(status)
}

// checkPut checks the headers of a PUT. It returns the status for the error.
func (h *Handler) checkPut(w http.ResponseWriter, r *http.Request) (status int, err error) {
	switch {
	case r.Header.Get("Content-Range") != "": // RFC 9110, section 14.5
		return http.StatusBadRequest, errors.New("uploads: expected a PUT without Content-Range")
	case len(r.Header["Content-Encoding"]) > 0:
		w.Header().Set("Accept-Encoding", "identity")
		return http.StatusUnsupportedMediaType, errors.New("uploads: expected content without Content-Encoding")
	case h.options.MaxBytes > 0 && r.ContentLength > h.options.MaxBytes:
		return http.StatusRequestEntityTooLarge, storage.ErrTooLarge
	}
	return http.StatusOK, nil
}

// remove removes a file. It removes no folder.
func (h *Handler) remove(w http.ResponseWriter, r *http.Request, a *Action) {
	c := h.conditions(r.Header)
	err := a.files.edit.Remove(a.Name, c.met)
	if err != nil {
		status := statusOf(err)
		if status == http.StatusNotFound && c.ifMatch != nil {
			status = http.StatusPreconditionFailed
		}
		h.fail(w, r, status, err)
		return
	}
	h.counts.deleted.Add(1)
	w.WriteHeader(http.StatusNoContent)
}

// conditions are the preconditions of a request that changes a file (RFC 9110,
// section 13).
type conditions struct {
	ifMatch, ifNoneMatch []string // tags; nil: not sent
	unmodifiedSince      time.Time
	tag                  func(fs.FileInfo) string
}

func (h *Handler) conditions(header http.Header) *conditions {
	c := &conditions{tag: h.options.Tag, ifMatch: files.EntityTags(header["If-Match"]), ifNoneMatch: files.EntityTags(header["If-None-Match"])}
	if lines := header["If-Unmodified-Since"]; len(lines) == 1 && c.ifMatch == nil {
		c.unmodifiedSince, _ = http.ParseTime(lines[0]) // an invalid date is ignored
	}
	return c
}

// met reports whether all conditions are true of a file.
func (c *conditions) met(info fs.FileInfo) bool {
	switch {
	case c.ifMatch != nil && !matches(c.ifMatch, c.tag(info), false):
		return false
	case !c.unmodifiedSince.IsZero() && info.ModTime().Truncate(time.Second).After(c.unmodifiedSince):
		return false
	}
	return c.ifNoneMatch == nil || !matches(c.ifNoneMatch, c.tag(info), true)
}

// allowCreation fails a request with If-None-Match early, before the content is
// read, if there is a file of which the conditions are not true.
func (c *conditions) allowCreation(stat func() (fs.FileInfo, error)) error {
	if c.ifNoneMatch == nil {
		return nil
	}
	info, err := stat()
	if err == nil && !c.met(info) {
		return fmt.Errorf("%w: a precondition of the request is false", storage.ErrChanged)
	}
	return nil
}

// matches reports whether tags contain a tag, or "*". The weak comparison ignores
// the W/ of tags.
func matches(tags []string, tag string, weakly bool) bool {
	for _, t := range tags {
		if weakly {
			t = strings.TrimPrefix(t, "W/")
		}
		if t == "*" || t == tag {
			return true
		}
	}
	return false
}

// body returns the content of a request. Reading fails if the client is too slow
// or the content exceeds MaxBytes.
func (h *Handler) body(w http.ResponseWriter, r *http.Request) *body {
	control, from := pace.WithTimeout(w, r, h.options.Timeout)
	return &body{Body: control, from: from, limit: h.options.MaxBytes}
}
