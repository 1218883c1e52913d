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

// What tus calls its parts. Those of package handler are creation,
// creation-with-upload and termination; expiration and checksum are ours.
const (
	tusVersion    = "1.0.0"
	tusExtensions = "creation,creation-with-upload,termination,expiration,checksum"
	tusAlgorithms = "sha1,sha256,sha512"
)

// silent is for a library that logs each request: ours does that.
var silent = slog.New(slog.NewTextHandler(io.Discard, &slog.HandlerOptions{Level: slog.LevelError + 1}))

// tell says what there is to be had.
func (h *Handler) tell(w http.ResponseWriter, _ *http.Request, a *Action) {
	header := w.Header()
	header.Set("Allow", h.Allow(a.files))
	if a.parts != nil {
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

// Announce sets the header that every answer to a request of the tus protocol
// has, refusals too. Call it before anything can be answered.
func (h *Handler) Announce(w http.ResponseWriter, r *http.Request) {
	_, said := r.Header["Tus-Resumable"]
	tus := said || r.Method == http.MethodPost || r.Method == http.MethodPatch || r.URL.Query().Has(idParameter)
	if h.options.Resumable && tus {
		w.Header().Set("Tus-Resumable", tusVersion)
	}
}

// partType is the media type of the parts of an upload.
const partType = "application/offset+octet-stream"

// isPart reports whether the content of a request is a part of an upload.
func isPart(header http.Header) bool {
	lines := header["Content-Type"]
	if len(lines) != 1 {
		return false
	}
	given, _, err := mime.ParseMediaType(lines[0])
	return err == nil && given == partType
}

// checkNumbers refuses numbers that readers may read in different ways: package
// handler takes a sign, and the first of several lines.
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

// resume has package handler speak the protocol, over a store that is this
// request's alone.
func (h *Handler) resume(w http.ResponseWriter, r *http.Request, a *Action) {
	versions := r.Header["Tus-Resumable"]
	switch {
	case len(versions) == 0 && r.Method == http.MethodHead: // it does no harm
	case len(versions) != 1 || versions[0] != tusVersion:
		w.Header().Set("Tus-Version", tusVersion)
		h.fail(w, r, http.StatusPreconditionFailed, fmt.Errorf("uploads: expected Tus-Resumable to be %s, found %.100q", tusVersion, versions))
		return
	}
	if r.Method == http.MethodPatch && !isPart(r.Header) {
		w.Header().Set("Accept-Patch", partType)
		h.fail(w, r, http.StatusUnsupportedMediaType, fmt.Errorf("uploads: expected a part of type %s, found %.100q", partType, r.Header["Content-Type"]))
		return
	}
	sum, err := checksum(r.Header)
	if err == nil {
		err = checkNumbers(r.Header)
	}
	if err != nil {
		h.fail(w, r, http.StatusBadRequest, err)
		return
	}
	out := &answer{ResponseWriter: w, request: r, location: h.uploadURL(r, a)}
	content := h.body(w, r)
	content.limit = 0 // it is that of all parts together, which package handler holds
	s := &store{handler: h, action: a, out: out, sum: sum, content: content}
	out.done = s.close
	defer s.close()
	composer := handler.NewStoreComposer()
	composer.UseCore(s)
	composer.UseTerminater(s)
	composer.UseLocker(s)
	tus, err := handler.NewUnroutedHandler(handler.Config{
		StoreComposer:                    composer,
		BasePath:                         "/", // the URL that it makes of this is replaced
		MaxSize:                          h.options.MaxBytes,
		DisableDownload:                  true,
		Cors:                             &handler.CorsConfig{Disable: true},
		Logger:                           silent,
		NetworkTimeout:                   h.options.Timeout,
		AcquireLockTimeout:               lockTimeout,
		GracefulRequestCompletionTimeout: time.Second,
	})
	if err != nil {
		h.fail(w, r, http.StatusInternalServerError, err)
		return
	}
	method := map[string]http.HandlerFunc{
		http.MethodPost: tus.PostFile, http.MethodHead: tus.HeadFile,
		http.MethodPatch: tus.PatchFile, http.MethodDelete: tus.DelFile,
	}[r.Method]
	tus.Middleware(method).ServeHTTP(out, forTus(r, a, content))
	if out.status >= http.StatusBadRequest {
		h.counts.refuse(out.status)
	}
}

// forTus is the request as package handler is to see it: with the upload's id
// for a path, and without the headers by which a client could have it do what
// was not allowed, or what there is not.
func forTus(r *http.Request, a *Action, content io.ReadCloser) *http.Request {
	out := r.WithContext(r.Context())
	out.URL = &url.URL{Path: "/" + a.id}
	out.Header = r.Header.Clone()
	for _, name := range []string{"X-Http-Method-Override", "Upload-Concat", "Upload-Draft-Interop-Version"} {
		out.Header.Del(name)
	}
	if isPart(r.Header) {
		out.Header.Set("Content-Type", partType) // in the only spelling that it knows
	}
	out.Body = content
	return out
}

// uploadURL is the URL of the upload but for its id: that of the request, with
// all that was signed.
func (h *Handler) uploadURL(r *http.Request, a *Action) func(id string) string {
	return func(id string) string {
		query := r.URL.Query()
		query.Set(idParameter, id)
		u := url.URL{Path: a.at, RawQuery: query.Encode()}
		return u.String()
	}
}

// answer is the response of package handler, put right where it knows less.
type answer struct {
	http.ResponseWriter
	request  *http.Request
	location func(id string) string
	id       string // of a new upload
	done     func()
	status   int
}

// WriteHeader replaces the URL of a new upload: what package handler makes of
// the Host and of one base for everybody is not where the tenant's files are.
// The upload is let go of first: a client may go on as soon as it is told.
func (a *answer) WriteHeader(status int) {
	if a.status == 0 {
		a.status = status
		a.done()
		if status >= http.StatusBadRequest {
			hangUp(a.ResponseWriter, a.request)
		}
	}
	if header := a.Header(); header.Get("Location") != "" {
		header.Set("Location", a.location(a.id))
	}
	a.ResponseWriter.WriteHeader(status)
}

// Unwrap implements what http.ResponseController asks for.
func (a *answer) Unwrap() http.ResponseWriter { return a.ResponseWriter }

// metadata reads an Upload-Metadata header.
func metadata(header string) map[string]string { return handler.ParseMetadataHeader(header) }
