package uploads

import (
	"fmt"
	"io"
	"mime"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/tus/tusd/v2/pkg/handler"
	"golang.org/x/exp/slog"
)

// The version, extensions and checksum algorithms of tus. Package handler
// implements creation, creation-with-upload and termination; this package
// implements expiration and checksum.
const (
	tusVersion    = "1.0.0"
	tusExtensions = "creation,creation-with-upload,termination,expiration,checksum"
	tusAlgorithms = "sha1,sha256,sha512"
)

// discard drops the library's log of requests: the server logs them.
var discard = slog.New(slog.NewTextHandler(io.Discard, &slog.HandlerOptions{Level: slog.LevelError + 1}))

// capabilities answers OPTIONS.
func (h *Handler) capabilities(w http.ResponseWriter, _ *http.Request, a *Action) {
	header := w.Header()
	header.Set("Allow", a.files.allow())
	if a.files.parts != nil {
		header.Set("Tus-Resumable", tusVersion)
		header.Set("Tus-Version", tusVersion)
		header.Set("Tus-Extension", tusExtensions)
		header.Set("Tus-Checksum-Algorithm", tusAlgorithms)
		if h.options.MaxBytes > 0 {
			header.Set("Tus-Max-Size", strconv.FormatInt(h.options.MaxBytes, 10))
		}
	}
	w.WriteHeader(http.StatusNoContent)
}

// Announce sets the header that tus requires in every answer, including errors.
// Call it before the request can be answered.
func (h *Handler) Announce(w http.ResponseWriter, r *http.Request) {
	_, versioned := r.Header["Tus-Resumable"]
	tus := versioned || r.Method == http.MethodPost || r.Method == http.MethodPatch || r.URL.Query().Has(idParameter)
	if h.options.Resumable && tus {
		w.Header().Set("Tus-Resumable", tusVersion)
	}
}

// partType is the media type of a part of an upload.
const partType = "application/offset+octet-stream"

// isPart reports whether the content of a request has the type of a part.
func isPart(header http.Header) bool {
	lines := header["Content-Type"]
	if len(lines) != 1 {
		return false
	}
	given, _, err := mime.ParseMediaType(lines[0])
	return err == nil && given == partType
}

// checkNumbers rejects ambiguous numbers: package handler accepts a sign, and the
// first of several lines.
func checkNumbers(header http.Header) error {
	for _, name := range []string{"Upload-Length", "Upload-Offset"} {
		lines := header[name]
		if len(lines) == 0 {
			continue
		}
		if len(lines) > 1 || lines[0] == "" || strings.Trim(lines[0], "0123456789") != "" {
			return fmt.Errorf("uploads: expected one number in %s, found %.100q", name, lines)
		}
	}
	return nil
}

// tus serves a request of the tus protocol by package handler, with a store that
// only this request uses.
func (h *Handler) tus(w http.ResponseWriter, r *http.Request, a *Action) {
	sum, status, err := checkTus(w, r)
	if err != nil {
		h.fail(w, r, status, err)
		return
	}
	out := &answer{ResponseWriter: w, request: r, location: h.uploadURL(r, a)}
	content := h.body(w, r)
	content.limit = 0 // MaxBytes applies to all parts together; package handler enforces it
	s := &store{handler: h, action: a, out: out, sum: sum, content: content}
	out.done = s.close
	defer s.close()
	serve, err := h.tusHandler(s, r.Method)
	if err != nil {
		h.fail(w, r, http.StatusInternalServerError, err)
		return
	}
	serve.ServeHTTP(out, tusRequest(r, a, content))
	if out.status >= http.StatusBadRequest {
		h.counts.fail(out.status)
	}
}

// checkTus checks the headers of a request of the tus protocol. It returns the
// checksum that the client sent, if any, or the status for the error.
func checkTus(w http.ResponseWriter, r *http.Request) (sum *hashReader, status int, err error) {
	versions := r.Header["Tus-Resumable"]
	switch {
	case len(versions) == 0 && r.Method == http.MethodHead: // HEAD changes nothing
	case len(versions) != 1 || versions[0] != tusVersion:
		w.Header().Set("Tus-Version", tusVersion)
		return nil, http.StatusPreconditionFailed, fmt.Errorf("uploads: expected Tus-Resumable to be %s, found %.100q", tusVersion, versions)
	}
	if r.Method == http.MethodPatch && !isPart(r.Header) {
		w.Header().Set("Accept-Patch", partType)
		return nil, http.StatusUnsupportedMediaType, fmt.Errorf("uploads: expected a part of type %s, found %.100q", partType, r.Header["Content-Type"])
	}
	sum, err = checksum(r.Header)
	if err == nil {
		err = checkNumbers(r.Header)
	}
	return sum, http.StatusBadRequest, err
}

// tusHandler returns the handler of the library for a method.
func (h *Handler) tusHandler(s *store, method string) (http.Handler, error) {
	composer := handler.NewStoreComposer()
	composer.UseCore(s)
	composer.UseTerminater(s)
	composer.UseLocker(s)
	tus, err := handler.NewUnroutedHandler(handler.Config{
		StoreComposer:                    composer,
		BasePath:                         "/", // WriteHeader replaces the resulting URL
		MaxSize:                          h.options.MaxBytes,
		DisableDownload:                  true,
		Cors:                             &handler.CorsConfig{Disable: true},
		Logger:                           discard,
		NetworkTimeout:                   h.options.Timeout,
		AcquireLockTimeout:               lockTimeout,
		GracefulRequestCompletionTimeout: time.Second,
	})
	if err != nil {
		return nil, err
	}
	return tus.Middleware(map[string]http.HandlerFunc{
		http.MethodPost: tus.PostFile, http.MethodHead: tus.HeadFile,
		http.MethodPatch: tus.PatchFile, http.MethodDelete: tus.DelFile,
	}[method]), nil
}

// tusRequest returns the request for package handler: with the upload's id as its
// path, and without the headers that would select another method or features
// that are turned off.
func tusRequest(r *http.Request, a *Action, content io.ReadCloser) *http.Request {
	out := r.WithContext(r.Context())
	out.URL = &url.URL{Path: "/" + a.id}
	out.Header = r.Header.Clone()
	for _, name := range []string{"X-Http-Method-Override", "Upload-Concat", "Upload-Draft-Interop-Version"} {
		out.Header.Del(name)
	}
	if isPart(r.Header) {
		out.Header.Set("Content-Type", partType) // the only spelling that package handler accepts
	}
	out.Body = content
	return out
}

// uploadURL returns a function that returns the URL of an upload: that of the
// request, including its signature, with the id added.
func (h *Handler) uploadURL(r *http.Request, a *Action) func(id string) string {
	return func(id string) string {
		query := r.URL.Query()
		query.Set(idParameter, id)
		u := url.URL{Path: a.at, RawQuery: query.Encode()}
		return u.String()
	}
}

// answer corrects the response of package handler.
type answer struct {
	http.ResponseWriter
	request  *http.Request
	location func(id string) string
	id       string // of a new upload
	done     func()
	status   int
}

// WriteHeader replaces the URL of a new upload: package handler builds it from the
// Host header and one base path. It closes the upload first, since the client may
// continue as soon as it has the answer.
func (a *answer) WriteHeader(status int) {
	if a.status == 0 {
		a.status = status
		a.done()
		if status >= http.StatusBadRequest {
			closeConnection(a.ResponseWriter, a.request)
		}
	}
	if header := a.Header(); header.Get("Location") != "" {
		header.Set("Location", a.location(a.id))
	}
	a.ResponseWriter.WriteHeader(status)
}

// Unwrap is for http.ResponseController.
func (a *answer) Unwrap() http.ResponseWriter { return a.ResponseWriter }

// metadata parses an Upload-Metadata header.
func metadata(header string) map[string]string { return handler.ParseMetadataHeader(header) }
