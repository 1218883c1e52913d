package serve

import (
	"cmp"
	"errors"
	"net/http"
	"time"

	"github.com/tenantedge/tenantedge/edge"
	"github.com/tenantedge/tenantedge/edge/config"
	"github.com/tenantedge/tenantedge/edge/storage"
	"github.com/tenantedge/tenantedge/edge/tenant"
)

// access decides who may have files. It is asked before anybody looks whether
// there is such a file, and for every method, range and condition alike.
type access struct {
	server *Server
	kind   string          // config.Access…
	signer *storage.Signer // of AccessSigned
}

// resource is what a request asks for.
type resource struct {
	tenant  *tenant.Tenant // nil: none
	path    string         // of the URL, decoded, as the client sees it
	method  string         // what is to be done with it; empty: the request's
	name    string         // of a file of the tenant's
	hasName bool
}

// allow answers whether the request may have the resource. If not, it has been
// answered.
func (a *access) allow(w http.ResponseWriter, r *http.Request, what resource) bool {
	status := a.status(r, what)
	if status == http.StatusOK {
		if a.kind == config.AccessPrivate || a.kind == config.AccessSigned {
			// Nobody else may get it from a cache, nor the same client without
			// asking again.
			w.Header().Set("Cache-Control", "private, no-cache")
		}
		return true
	}
	a.server.failFile(w, r, status)
	return false
}

func (a *access) status(r *http.Request, what resource) int {
	switch a.kind {
	case config.AccessPublic, "":
		return http.StatusOK
	case config.AccessSigned:
		return a.signed(r, what)
	case config.AccessPrivate:
		return a.private(r, what)
	}
	return http.StatusForbidden
}

func (a *access) signed(r *http.Request, what resource) int {
	if what.tenant == nil || a.signer == nil {
		return http.StatusForbidden
	}
	grant := storage.Grant{Tenant: what.tenant.Schema, Method: cmp.Or(what.method, r.Method), Path: what.path}
	if err := a.signer.Verify(grant, r.URL.RawQuery, time.Now()); err != nil {
		noteOf(r.Context()).reason = err.Error()
		return http.StatusForbidden
	}
	return http.StatusOK
}

func (a *access) private(r *http.Request, what resource) int {
	if what.tenant == nil {
		return http.StatusForbidden
	}
	verdict, err := a.server.host.Authorize(r.Context(), edge.FileRequest{
		Tenant: what.tenant, Method: cmp.Or(what.method, r.Method), Name: what.name, NoName: !what.hasName, Host: r.Host, Header: r.Header,
	})
	switch {
	case errors.Is(err, edge.ErrTooLarge):
		return http.StatusRequestHeaderFieldsTooLarge
	case err != nil:
		return a.server.guestFailed(r, err)
	case verdict == edge.Allow:
		return http.StatusOK
	case verdict == edge.Hide:
		return http.StatusNotFound
	}
	noteOf(r.Context()).reason = "the guest denies the file"
	return http.StatusForbidden
}

// guestFailed logs why the guest could not decide, and returns what the client
// is told: no file in any case.
func (s *Server) guestFailed(r *http.Request, err error) int {
	status := statusOf(err)
	if status == http.StatusNotFound {
		status = http.StatusInternalServerError
	}
	id := noteFailure(r.Context(), "the guest could not authorize")
	s.log.Error("the guest could not authorize; the file is denied", "error", err, "request", id, "host", r.Host, "path", r.URL.Path)
	return status
}

// failFile answers a request for a file that is not sent.
func (s *Server) failFile(w http.ResponseWriter, r *http.Request, status int) {
	if s.endedFirst(w, r, status) {
		return
	}
	id := ""
	if status >= http.StatusInternalServerError {
		id = noteFailure(r.Context(), http.StatusText(status))
	}
	if status == http.StatusServiceUnavailable {
		w.Header().Set("Retry-After", "1")
	}
	writeError(w, status, id)
}

// clientPath is the path of the request as the client sees it, decoded: with
// the folder that the tenant was routed by.
func clientPath(r *http.Request, t *tenant.Tenant) string {
	if t == nil || t.Routing.Folder == "" {
		return r.URL.Path
	}
	return "/" + t.Routing.Folder + r.URL.Path
}

// onlyReads answers any method but GET and HEAD, and reports whether it was one
// of those.
func onlyReads(w http.ResponseWriter, r *http.Request) bool {
	if r.Method == http.MethodGet || r.Method == http.MethodHead {
		return true
	}
	w.Header().Set("Allow", "GET, HEAD")
	writeError(w, http.StatusMethodNotAllowed, "")
	return false
}
