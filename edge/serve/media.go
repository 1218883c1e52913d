package serve

import (
	"net/http"
	"strings"

	"github.com/tenantedge/tenantedge/edge/config"
	"github.com/tenantedge/tenantedge/edge/internal/files"
	"github.com/tenantedge/tenantedge/edge/internal/uploads"
	"github.com/tenantedge/tenantedge/edge/storage/backend"
	"github.com/tenantedge/tenantedge/edge/tenant"
)

// media serves a tenant's own files below the base URL, and hands all other
// requests on.
type media struct {
	store   *store
	base    string // the part of the base URL that all tenants have
	access  *access
	options files.Options
	uploads *uploads.Handler // nil: there are none
	next    http.Handler
}

func newMedia(s *store, c *config.Media, a *access, next http.Handler) *media {
	return &media{store: s, base: c.BaseURL, access: a, next: next, options: files.Options{
		Active: runsActive(c),
		// A bucket is not asked for neighbours: each would be a request more.
		Precompressed: c.Precompressed && c.S3 == nil,
		Descriptions:  new(files.Descriptions),
	}}
}

// runsActive reports whether browsers may run what tenants uploaded. It holds for
// what an application has the edge send, too.
func runsActive(c *config.Media) bool { return c != nil && c.ActiveContent == "inline" }

func (m *media) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	t, ok := tenant.From(r.Context())
	if !ok || !strings.HasPrefix(r.URL.Path, m.base) {
		m.next.ServeHTTP(w, r)
		return
	}
	if m.uploads != nil {
		m.uploads.Announce(w, r)
	}
	lease, err := m.store.lease(r.Context(), t)
	if err != nil {
		noteOf(r.Context()).reason = err.Error()
		m.store.server.failFile(w, r, statusOf(err))
		return
	}
	defer lease.Release()
	what := resource{tenant: t, path: clientPath(r, t)}
	// The guest says where the tenant's URLs begin. All else below the base is
	// other tenants', or nobody's, which look the same.
	if base := lease.View.BaseURL(); base != "" {
		what.name, what.hasName = files.Name(what.path, base)
	}
	own := backend.WithContext(r.Context(), lease.View)
	if m.uploads != nil {
		if a, ok := m.uploads.Action(r, own, what.path); ok {
			m.upload(w, r, what, a)
			return
		}
	}
	if !m.access.allow(w, r, what) || !m.onlyReads(w, r, own) {
		return
	}
	if !what.hasName {
		m.missing(w)
		return
	}
	if err := files.Send(w, r, own, what.name, m.options); err != nil {
		m.unsent(w, r, err)
	}
}

func (m *media) unsent(w http.ResponseWriter, r *http.Request, err error) {
	if status := m.store.missed(err); status != http.StatusNotFound {
		if status == http.StatusBadGateway {
			m.store.server.log.Error("a file cannot be had", "error", err, "host", r.Host)
		}
		m.store.server.failFile(w, r, status)
		return
	}
	m.missing(w)
}

// missing is the same for what is missing and for what is not the tenant's.
func (m *media) missing(w http.ResponseWriter) { writeError(w, http.StatusNotFound, "") }

// nothing is for a urlconf that serves media alone.
type nothing struct{}

func (nothing) ServeHTTP(w http.ResponseWriter, _ *http.Request) {
	writeError(w, http.StatusNotFound, "")
}
