package uploads

import (
	"cmp"
	"context"
	"io"
	"io/fs"
	"log/slog"
	"net/http"
	"path"
	"strings"
	"time"

	"github.com/tenantedge/tenantedge/edge/internal/files"
	"github.com/tenantedge/tenantedge/edge/internal/steady"
	"github.com/tenantedge/tenantedge/edge/storage"
	"github.com/tenantedge/tenantedge/guest/tenancy"
)

// Files are those of one tenant, wherever they are kept.
type Files interface {
	Identifier() string
	BaseURL() string
	Stat(name string) (fs.FileInfo, error)
	Create(ctx context.Context, name string, content io.Reader) (fs.FileInfo, error)
	Replace(ctx context.Context, name string, content io.Reader, is func(fs.FileInfo) bool) (fs.FileInfo, error)
	Remove(name string, is func(fs.FileInfo) bool) error
}

// Partials keep the parts of uploads that can be resumed. Files that do not
// keep them have no such uploads, as those in a bucket.
type Partials interface {
	NewPartial(ctx context.Context, r storage.Record) (*storage.Partial, error)
	Partial(id string) (*storage.Partial, error)
	PartialName(id string) (name string, err error)
}

// Options of a Handler.
type Options struct {
	MaxBytes  int64 // of one file; 0: what the storage allows
	Resumable bool  // by the tus protocol, where the files are Partials
	// Expiry is how long a resumable upload may take; default a day.
	Expiry time.Duration
	// Timeout is how long a client may send nothing, or less than 1 KiB a
	// second; default a minute.
	Timeout time.Duration
	// Tag is the strong entity tag of a file, in quotes.
	Tag func(fs.FileInfo) string
	// Fail answers a request that failed. The error is for logs. nil: a line of
	// text.
	Fail func(w http.ResponseWriter, r *http.Request, status int, err error)
	// Logger is told what the server fails at; nil: slog.Default.
	Logger *slog.Logger
}

// Handler takes uploads. It is safe for concurrent use.
type Handler struct {
	options Options
	clock   *steady.Clock
	counts  counts
	busy    busy
}

// New returns a Handler.
func New(o Options) *Handler {
	o.Expiry = cmp.Or(o.Expiry, 24*time.Hour)
	o.Timeout = cmp.Or(o.Timeout, time.Minute)
	if o.Fail == nil {
		o.Fail = func(w http.ResponseWriter, _ *http.Request, status int, _ error) {
			http.Error(w, http.StatusText(status), status)
		}
	}
	if o.Logger == nil {
		o.Logger = slog.Default()
	}
	return &Handler{options: o, clock: steady.New(), busy: busy{holders: make(map[string]*holder)}}
}

// Action is what a request is about to do.
type Action struct {
	// Method is what is to be allowed: PUT, or DELETE of a file. Empty: the
	// request only asks what there is to be had, which anybody may.
	Method string
	// Name is the file's inside the tenant's files; empty: it is none of theirs.
	Name string

	files Files
	parts Partials // nil: nothing can be resumed
	at    string   // path of the URL, decoded
	do    func(h *Handler, w http.ResponseWriter, r *http.Request, a *Action)
	id    string // of a resumable upload
	free  bool   // another name will do
}

// partials are where parts of uploads are kept; nil: nowhere.
func (h *Handler) partials(files Files) Partials {
	if !h.options.Resumable {
		return nil
	}
	parts, _ := files.(Partials)
	return parts
}

// idParameter of a URL's query names a resumable upload.
const idParameter = "te-upload"

// Action says what a request does; false if it does none of what is done here.
// at is the path of the URL, decoded, as the client sees it.
func (h *Handler) Action(r *http.Request, files Files, at string) (Action, bool) {
	a := Action{Method: http.MethodPut, files: files, parts: h.partials(files), at: at}
	ids, resumed := r.URL.Query()[idParameter]
	resumed = resumed && a.parts != nil
	switch {
	case r.Method == http.MethodOptions:
		a.Method, a.do = "", (*Handler).tell
		return a, true
	case resumed && (r.Method == http.MethodHead || r.Method == http.MethodPatch || r.Method == http.MethodDelete):
		a.do = (*Handler).resume
		if len(ids) == 1 {
			a.resumes(ids[0], at)
		}
		return a, true
	case r.Method == http.MethodPost && a.parts != nil:
		a.do = (*Handler).resume
		a.begins(r, at)
		return a, true
	case r.Method == http.MethodPut:
		a.do = (*Handler).put
	case r.Method == http.MethodDelete:
		a.Method, a.do = http.MethodDelete, (*Handler).remove
	default:
		return a, false
	}
	a.Name, _ = nameAt(files, at)
	return a, true
}

// Allow lists the methods for the header of that name, with those that read.
func (h *Handler) Allow(files Files) string {
	if h.partials(files) != nil {
		return "GET, HEAD, PUT, DELETE, OPTIONS, POST, PATCH"
	}
	return "GET, HEAD, PUT, DELETE, OPTIONS"
}

// Serve does it.
func (h *Handler) Serve(w http.ResponseWriter, r *http.Request, a Action) {
	if a.Name == "" && a.Method != "" {
		h.fail(w, r, http.StatusNotFound, nil)
		return
	}
	a.do(h, w, r, &a)
}

// fail answers a request that failed, and counts it.
func (h *Handler) fail(w http.ResponseWriter, r *http.Request, status int, err error) {
	h.counts.refuse(status)
	hangUp(w, r)
	if status >= http.StatusInternalServerError && status != http.StatusInsufficientStorage {
		h.options.Logger.ErrorContext(r.Context(), "an upload failed", "method", r.Method, "path", r.URL.Path, "error", err)
	}
	h.options.Fail(w, r, status, err)
}

// hangUp ends the connection after an answer that did not wait for the
// content: to read what is left of it, net/http would wait without end.
func hangUp(w http.ResponseWriter, r *http.Request) {
	if r.ContentLength != 0 && r.ProtoMajor == 1 {
		w.Header().Set("Connection", "close")
	}
}

// nameAt is the name that a path has below the tenant's base URL, as it has for
// those who read.
func nameAt(of Files, at string) (string, bool) {
	base := of.BaseURL()
	if base == "" {
		return "", false
	}
	return files.Name(at, base)
}

// begins finds the name that a new resumable upload is for: that of the path,
// or, where the path is a folder, the one that the client gives the file.
func (a *Action) begins(r *http.Request, at string) {
	folder, isFolder := strings.CutSuffix(at, "/")
	if !isFolder {
		a.Name, _ = nameAt(a.files, at)
		return
	}
	meta := metadata(r.Header.Get("Upload-Metadata"))
	given := cmp.Or(meta["filename"], meta["name"])
	valid, err := storage.ValidName(path.Base(strings.ReplaceAll(given, `\`, "/")))
	if given == "" || err != nil {
		return
	}
	if name, ok := nameAt(a.files, folder+"/"+valid); ok {
		a.Name, a.free = name, true
	}
}

// resumes finds the name that a resumable upload was begun for. It must be that
// of the path, or below it: who may write here may not write elsewhere.
func (a *Action) resumes(id, at string) {
	begun, err := a.parts.PartialName(id)
	if err != nil {
		// Nobody's: so that the answer is no other for those who may not know.
		a.Name, _ = nameAt(a.files, strings.TrimSuffix(at, "/"))
		a.id = id
		return
	}
	if folder, isFolder := strings.CutSuffix(at, "/"); isFolder {
		at = folder + "/" + path.Base(begun)
	}
	if name, ok := nameAt(a.files, at); ok && name == begun {
		a.Name, a.id = name, id
	}
}

// url is the path of a file's URL.
func (a *Action) url(name string) string { return tenancy.FileURL(a.files.BaseURL(), name) }
