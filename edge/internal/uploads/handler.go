package uploads

import (
	"cmp"
	"io/fs"
	"log/slog"
	"net/http"
	"path"
	"strings"
	"time"

	"github.com/tenantedge/tenantedge/edge/internal/errorpage"
	"github.com/tenantedge/tenantedge/edge/internal/files"
	"github.com/tenantedge/tenantedge/edge/internal/logs"
	"github.com/tenantedge/tenantedge/edge/internal/steady"
	"github.com/tenantedge/tenantedge/edge/storage"
	"github.com/tenantedge/tenantedge/edge/storage/backend"
	"github.com/tenantedge/tenantedge/guest/tenancy"
)

// Options of a Handler.
type Options struct {
	MaxBytes  int64 // maximum size of a file; 0: what the storage allows
	Resumable bool  // offer the tus protocol if the storage keeps partial files
	// Expiry is how long a resumable upload may take; default a day.
	Expiry time.Duration
	// Timeout is how long a client may send nothing, or less than 1 KiB/s; default
	// a minute.
	Timeout time.Duration
	// Tag returns the strong entity tag of a file, in quotes.
	Tag func(fs.FileInfo) string
	// Fail answers a failed request. The error is for logs. Nil: errorpage.Write.
	Fail func(w http.ResponseWriter, r *http.Request, status int, err error)
	// Busy are the uploads that requests have open. Handlers of the same files share one;
	// nil: the Handler has its own.
	Busy *Busy
	// Logger logs failures of the server; nil: slog.Default.
	Logger *slog.Logger
}

// Handler accepts uploads. It is safe for concurrent use.
type Handler struct {
	options Options
	clock   *steady.Clock
	counts  counts
}

// Defaults of Options.
const (
	DefaultExpiry  = 24 * time.Hour
	DefaultTimeout = time.Minute
)

// New returns a Handler.
func New(o Options) *Handler {
	o.Expiry = cmp.Or(o.Expiry, DefaultExpiry)
	o.Timeout = cmp.Or(o.Timeout, DefaultTimeout)
	if o.Fail == nil {
		o.Fail = func(w http.ResponseWriter, r *http.Request, status int, _ error) { errorpage.Write(w, r, status) }
	}
	if o.Logger == nil {
		o.Logger = slog.Default()
	}
	if o.Busy == nil {
		o.Busy = &Busy{}
	}
	return &Handler{options: o, clock: steady.New()}
}

// Action is what a request is about to do.
type Action struct {
	// Method is the method to authorize: PUT, or DELETE of a file. Empty: the
	// request only asks for the available methods, which needs no authorization.
	Method string
	// Name is the name of the file among the tenant's files; empty if the path is
	// not that of a file.
	Name string

	files tenantFiles
	at    string // path of the URL, decoded
	do    func(h *Handler, w http.ResponseWriter, r *http.Request, a *Action)
	id    string // of a resumable upload
	free  bool   // if the name is taken, use an alternative
}

// tenantFiles is the tenant's view and what it can do.
type tenantFiles struct {
	storage.View
	edit  backend.Editor
	parts backend.Partials // nil: no resumable uploads
}

func (h *Handler) files(v storage.View) tenantFiles {
	x := backend.ExtrasOf(v)
	if !h.options.Resumable {
		x.Partials = nil
	}
	return tenantFiles{v, x.Editor, x.Partials}
}

// idParameter is the query parameter that identifies a resumable upload.
const idParameter = "te-upload"

// Action returns what a request does to the files of a view; false if it only
// reads, or if this view cannot do it. at is the path of the URL, decoded, as the
// client sees it.
func (h *Handler) Action(r *http.Request, view storage.View, at string) (Action, bool) {
	f := h.files(view)
	a := Action{Method: http.MethodPut, files: f, at: at}
	ids, resumed := r.URL.Query()[idParameter]
	resumed = resumed && f.parts != nil
	switch {
	case r.Method == http.MethodOptions:
		a.Method, a.do = "", (*Handler).capabilities
		return a, true
	case resumed && (r.Method == http.MethodHead || r.Method == http.MethodPatch || r.Method == http.MethodDelete):
		a.do = (*Handler).tus
		if len(ids) == 1 {
			a.setUpload(ids[0], at)
		}
		return a, true
	case r.Method == http.MethodPost && f.parts != nil:
		a.do = (*Handler).tus
		a.setNewName(r, at)
		return a, true
	case r.Method == http.MethodPut && f.edit != nil:
		a.do = (*Handler).put
	case r.Method == http.MethodDelete && f.edit != nil:
		a.Method, a.do = http.MethodDelete, (*Handler).remove
	default:
		return a, false
	}
	a.Name, _ = nameAt(f, at)
	return a, true
}

// Allow returns the value of an Allow header for the files of a view, including
// the methods that read.
func (h *Handler) Allow(view storage.View) string { return h.files(view).allow() }

func (f tenantFiles) allow() string {
	methods := "GET, HEAD"
	if f.edit != nil {
		methods += ", PUT, DELETE"
	}
	methods += ", OPTIONS"
	if f.parts != nil {
		methods += ", POST, PATCH"
	}
	return methods
}

// Serve performs an action.
func (h *Handler) Serve(w http.ResponseWriter, r *http.Request, a Action) {
	if a.Name == "" && a.Method != "" {
		h.fail(w, r, http.StatusNotFound, nil)
		return
	}
	a.do(h, w, r, &a)
}

// fail answers and counts a failed request.
func (h *Handler) fail(w http.ResponseWriter, r *http.Request, status int, err error) {
	h.counts.fail(status)
	closeConnection(w, r)
	if status >= http.StatusInternalServerError && status != http.StatusInsufficientStorage {
		h.options.Logger.ErrorContext(r.Context(), "an upload failed", logs.Text("method", r.Method), logs.Text("path", r.URL.Path), "error", err)
	}
	h.options.Fail(w, r, status, err)
}

// closeConnection closes the connection after an answer that precedes the end of
// the content. Otherwise net/http would read the rest, without a deadline.
func closeConnection(w http.ResponseWriter, r *http.Request) {
	if r.ContentLength != 0 && r.ProtoMajor == 1 {
		w.Header().Set("Connection", "close")
	}
}

// nameAt returns the name of the file that a path has below the tenant's base
// URL, as for requests that read.
func nameAt(of storage.View, at string) (string, bool) {
	base := of.BaseURL()
	if base == "" {
		return "", false
	}
	return files.Name(at, base)
}

// setNewName sets the name of a new resumable upload: that of the path or, if the
// path is a folder, the one in the client's metadata.
func (a *Action) setNewName(r *http.Request, at string) {
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

// setUpload sets the name and id of a resumable upload. Its name must be that of
// the path, or in the folder of the path: permission for one path does not cover
// another.
func (a *Action) setUpload(id, at string) {
	begun, err := a.files.parts.PartialName(id)
	if err != nil {
		// The upload does not exist. Clients without permission must get the same
		// answer as for one that exists.
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

// url returns the path of a file's URL.
func (a *Action) url(name string) string { return tenancy.FileURL(a.files.BaseURL(), name) }
