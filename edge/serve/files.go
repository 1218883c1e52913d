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

// folder serves a folder of those who run the edge. A folder in it is served
// by its index.html, and never listed.
type folder struct {
	*files.Folder
	access  *access
	options files.Options
}

// newFolder trusts what is in the folder: it is a site.
func newFolder(f *files.Folder, a *access) *folder {
	return &folder{f, a, files.Options{Active: true, Precompressed: true, Descriptions: new(files.Descriptions)}}
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
		errorpage.Write(w, http.StatusNotFound, "")
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
		errorpage.Write(w, http.StatusNotFound, "")
	}
}

// redirectIntoFolder adds the slash that relative links in an index need to the
// request for a folder. It is relative itself, for the client may see a folder in
// front that is not here.
func redirectIntoFolder(w http.ResponseWriter, r *http.Request, name string) {
	target := "./" + url.PathEscape(name) + "/"
	if r.URL.RawQuery != "" {
		target += "?" + r.URL.RawQuery
	}
	w.Header().Set("Location", target)
	w.Header().Set("X-Content-Type-Options", "nosniff")
	w.WriteHeader(http.StatusMovedPermanently)
}

// slashed serves tenants' requests without the folder in their path. A page at
// /folder would have relative links that leave the tenant, which next cannot
// know: to it, /folder and /folder/ are the same. So clients are redirected from
// /folder to /folder/.
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

// readsPage reports whether a request is one that a browser makes for a page.
func readsPage(r *http.Request) bool {
	return (r.Method == http.MethodGet || r.Method == http.MethodHead) && len(r.Header["Upgrade"]) == 0
}
