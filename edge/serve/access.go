package serve

import (
	"cmp"
	"errors"
	"net/http"
	"time"

	"github.com/tenantedge/tenantedge/edge"
	"github.com/tenantedge/tenantedge/edge/config"
	"github.com/tenantedge/tenantedge/edge/internal/errorpage"
	"github.com/tenantedge/tenantedge/edge/internal/logs"
	"github.com/tenantedge/tenantedge/edge/storage"
	"github.com/tenantedge/tenantedge/edge/tenant"
)

// access decides who may read and write files. It decides before the file is
// looked up, and in the same way for every method, range and condition, so that
// a denial does not reveal whether the file exists.
type access struct {
	*core
	kind   string          // one of config.Access…; empty: public
	signer *storage.Signer // of AccessSigned
}

// resource is what a request is for.
type resource struct {
	tenant  *tenant.Tenant // nil: none
	path    string         // decoded path of the URL, as the client sees it
	method  string         // action on the file; empty: the request's method
	name    string         // of a file of the tenant, if hasName
	hasName bool
}

// allow reports whether the request may access the resource. If not, it answers
// the request.
func (a *access) allow(w http.ResponseWriter, r *http.Request, target resource) bool {
	status := a.status(r, target)
	if status != http.StatusOK {
		a.failFile(w, r, status)
		return false
	}
	if a.kind == config.AccessPrivate || a.kind == config.AccessSigned {
		// No shared cache may keep the file, and a browser must ask again.
		w.Header().Set("Cache-Control", "private, no-cache")
	}
	return true
}

func (a *access) status(r *http.Request, target resource) int {
	switch a.kind {
	case config.AccessPublic, "":
		return http.StatusOK
	case config.AccessSigned:
		return a.signed(r, target)
	case config.AccessPrivate:
		return a.private(r, target)
	}
	return http.StatusForbidden
}

func (a *access) signed(r *http.Request, target resource) int {
	if target.tenant == nil || a.signer == nil {
		return http.StatusForbidden
	}
	grant := storage.Grant{Tenant: target.tenant.Schema, Method: cmp.Or(target.method, r.Method), Path: target.path}
	if err := a.signer.Verify(grant, r.URL.RawQuery, time.Now()); err != nil {
		noteOf(r.Context()).reason = err.Error()
		return http.StatusForbidden
	}
	return http.StatusOK
}

func (a *access) private(r *http.Request, target resource) int {
	if target.tenant == nil {
		return http.StatusForbidden
	}
	verdict, err := a.host.Authorize(r.Context(), edge.FileRequest{
		Tenant: target.tenant, Method: cmp.Or(target.method, r.Method), Name: target.name, NoName: !target.hasName, Host: r.Host, Header: r.Header,
	})
	switch {
	case errors.Is(err, edge.ErrTooLarge):
		return http.StatusRequestHeaderFieldsTooLarge
	case err != nil:
		return a.guestFailed(r, err)
	case verdict == edge.Allow:
		return http.StatusOK
	case verdict == edge.Hide:
		return http.StatusNotFound
	}
	noteOf(r.Context()).reason = "the guest denied access to the file"
	return http.StatusForbidden
}

// guestFailed logs why the guest could not decide and returns the status. The
// file is denied in any case.
func (a *access) guestFailed(r *http.Request, err error) int {
	status := statusOf(err)
	if status == http.StatusNotFound {
		status = http.StatusInternalServerError
	}
	id := noteFailure(r.Context(), "the guest failed to authorize the request")
	a.log.Error("the guest failed to authorize the request; access to the file is denied", "error", err, "request", id, logs.Text("host", r.Host), logs.Text("path", r.URL.Path))
	return status
}

// clientPath returns the decoded path of the request as the client sees it: with
// the folder that the tenant was routed by.
func clientPath(r *http.Request, t *tenant.Tenant) string {
	if t == nil || t.Routing.Folder == "" {
		return r.URL.Path
	}
	return "/" + t.Routing.Folder + r.URL.Path
}

// onlyReads reports whether the method is GET or HEAD. If not, it answers the
// request.
func onlyReads(w http.ResponseWriter, r *http.Request) bool {
	if r.Method == http.MethodGet || r.Method == http.MethodHead {
		return true
	}
	w.Header().Set("Allow", "GET, HEAD")
	errorpage.Write(w, r, http.StatusMethodNotAllowed)
	return false
}
