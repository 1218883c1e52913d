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

// put makes a new file, or replaces the one that If-Match names.
func (h *Handler) put(w http.ResponseWriter, r *http.Request, a *Action) {
	switch {
	case r.Header.Get("Content-Range") != "":
		h.fail(w, r, http.StatusBadRequest, errors.New("uploads: PUT with Content-Range")) // RFC 9110, 14.5
		return
	case len(r.Header["Content-Encoding"]) > 0:
		w.Header().Set("Accept-Encoding", "identity")
		h.fail(w, r, http.StatusUnsupportedMediaType, errors.New("uploads: encoded content"))
		return
	case h.options.MaxBytes > 0 && r.ContentLength > h.options.MaxBytes:
		h.fail(w, r, http.StatusRequestEntityTooLarge, storage.ErrTooLarge)
		return
	}
	content, err := digested(h.body(w, r), r.Header)
	if err != nil {
		h.fail(w, r, http.StatusBadRequest, err)
		return
	}
	var info fs.FileInfo
	status := http.StatusCreated
	if c := h.conditions(r.Header); c.ifMatch != nil {
		status = http.StatusNoContent
		info, err = a.files.Replace(r.Context(), a.Name, content, c.hold)
	} else {
		if err = c.holdsForNone(func() (fs.FileInfo, error) { return a.files.Stat(a.Name) }); err == nil {
			info, err = a.files.Create(r.Context(), a.Name, content)
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

// remove removes a file, and no folder.
func (h *Handler) remove(w http.ResponseWriter, r *http.Request, a *Action) {
	c := h.conditions(r.Header)
	err := a.files.Remove(a.Name, c.hold)
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

// conditions are those of RFC 9110, 13 that a change can have.
type conditions struct {
	ifMatch, ifNoneMatch []string // tags; nil: not sent
	unmodifiedSince      time.Time
	tag                  func(fs.FileInfo) string
}

func (h *Handler) conditions(header http.Header) *conditions {
	c := &conditions{tag: h.options.Tag, ifMatch: files.EntityTags(header["If-Match"]), ifNoneMatch: files.EntityTags(header["If-None-Match"])}
	if lines := header["If-Unmodified-Since"]; len(lines) == 1 && c.ifMatch == nil {
		c.unmodifiedSince, _ = http.ParseTime(lines[0]) // what is no date is to be ignored
	}
	return c
}

// hold reports whether all conditions hold for the file.
func (c *conditions) hold(info fs.FileInfo) bool {
	switch {
	case c.ifMatch != nil && !matches(c.ifMatch, c.tag(info), false):
		return false
	case !c.unmodifiedSince.IsZero() && info.ModTime().Truncate(time.Second).After(c.unmodifiedSince):
		return false
	}
	return c.ifNoneMatch == nil || !matches(c.ifNoneMatch, c.tag(info), true)
}

// holdsForNone is for a file that is to be new: a condition that a file does not
// fulfil fails before the content is read.
func (c *conditions) holdsForNone(stat func() (fs.FileInfo, error)) error {
	if c.ifNoneMatch == nil {
		return nil
	}
	info, err := stat()
	if err == nil && !c.hold(info) {
		return fmt.Errorf("%w: If-None-Match", storage.ErrChanged)
	}
	return nil
}

// matches compares strongly, or weakly, which leaves W/ out.
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

// body is the request's, for as long as it comes fast enough and is small
// enough.
func (h *Handler) body(w http.ResponseWriter, r *http.Request) *body {
	control, from := pace.Hold(w, r, h.options.Timeout)
	return &body{Body: control, from: from, limit: h.options.MaxBytes}
}
