package serve

import (
	"net/http"
	"net/url"
	"path"
	"strings"

	"github.com/tenantedge/tenantedge/edge/internal/errorpage"
	"github.com/tenantedge/tenantedge/edge/internal/files"
	"github.com/tenantedge/tenantedge/edge/tenant"
)

// folder serves a folder of the operator. For a folder in it, it sends
// index.html; it never lists files.
type folder struct {
	*files.Folder
	access  *access
	options files.Options
}

// newFolder returns a handler that lets browsers execute the files of the folder:
// they are the operator's.
func newFolder(f *files.Folder, a *access) *folder {
	return &folder{f, a, files.Options{Active: true, Precompressed: true, Descriptions: new(files.Descriptions), Cache: a.cache}}
}

func (f *folder) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	t, _ := tenant.From(r.Context())
	if !f.access.allow(w, r, resource{tenant: t, path: clientPath(r, t)}) || !onlyReads(w, r) {
		return
	}
	name, isFolder := strings.CutSuffix(strings.TrimPrefix(r.URL.Path, "/"), "/")
	switch {
	case r.URL.Path == "/" || r.URL.Path == "":
		name = files.Index(".")
	case isFolder:
		name = files.Index(name)
	}
	if _, valid := files.Name(name, ""); !valid {
		errorpage.Write(w, r, http.StatusNotFound)
		return
	}
	err := files.Send(w, r, f.Folder, name, f.options)
	switch {
	case err == nil:
	case files.Exhausted(err):
		f.access.failFile(w, r, http.StatusServiceUnavailable)
	case !isFolder && f.HasIndex(name):
		redirectIntoFolder(w, r, path.Base(r.URL.Path))
	default:
		errorpage.Write(w, r, http.StatusNotFound)
	}
}

// redirectIntoFolder redirects a request for a folder to the path with a trailing
// slash, which relative links in an index need. The location is relative, since
// the client's path may begin with a folder that r.URL.Path does not have.
func redirectIntoFolder(w http.ResponseWriter, r *http.Request, name string) {
	target := "./" + url.PathEscape(name) + "/"
	if r.URL.RawQuery != "" {
		target += "?" + r.URL.RawQuery
	}
	w.Header().Set("Location", target)
	w.Header().Set("X-Content-Type-Options", "nosniff")
	w.WriteHeader(http.StatusMovedPermanently)
}

// slashed redirects clients from /folder to /folder/, where folder is that of the
// tenant. Relative links of a page at /folder would lead out of the tenant. next
// cannot redirect, since it gets paths without the folder: both are / to it.
type slashed struct{ next http.Handler }

func (s slashed) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	t, ok := tenant.From(r.Context())
	if ok && t.Routing.Folder != "" && r.URL.Path == "/" && readsPage(r) {
		if sent, _, _ := strings.Cut(r.RequestURI, "?"); !strings.HasSuffix(sent, "/") {
			redirectIntoFolder(w, r, t.Routing.Folder)
			return
		}
	}
	s.next.ServeHTTP(w, r)
}

// readsPage reports whether a request may be a browser's for a page: GET or HEAD
// without an upgrade.
func readsPage(r *http.Request) bool {
	return (r.Method == http.MethodGet || r.Method == http.MethodHead) && len(r.Header["Upgrade"]) == 0
}
