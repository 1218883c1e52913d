package serve

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"strings"

	"github.com/tenantedge/tenantedge/edge"
	"github.com/tenantedge/tenantedge/edge/config"
	"github.com/tenantedge/tenantedge/edge/internal/errorpage"
	"github.com/tenantedge/tenantedge/edge/internal/files"
	"github.com/tenantedge/tenantedge/edge/internal/uploads"
	"github.com/tenantedge/tenantedge/edge/storage"
	"github.com/tenantedge/tenantedge/edge/storage/backend"
	"github.com/tenantedge/tenantedge/edge/tenant"
	"github.com/tenantedge/tenantedge/guest/abi"
	"github.com/tenantedge/tenantedge/tenantdb"
)

// MediaOptions configure a Media.
type MediaOptions struct {
	// Files is the location of the files and their limits. The defaults of a
	// configuration file do not apply to its zero fields.
	Files config.Media
	// Access is config.AccessPublic (default), AccessPrivate or AccessSigned.
	Access string
	// Signer verifies the URLs of AccessSigned.
	Signer *storage.Signer
	// Uploads lets clients change the files. nil: they may only read.
	Uploads *config.Uploads
	// FileCache is how many bytes of small files are kept in memory. 0: none.
	FileCache int64
	// Tenants and Directory are those of the Host's configuration. No two of
	// these tenants may share a folder.
	Tenants   []abi.StaticTenant
	Directory *tenantdb.Directory
	// Logger logs failures. nil: slog.Default.
	Logger *slog.Logger
}

// Media is a handler that serves the files of tenants below a base URL, and lets
// clients change them by PUT, DELETE and the tus protocol. It passes all other
// requests on. Use it inside of Host.Middleware, which finds the tenant:
//
//	media, err := serve.NewMedia(host, next, serve.MediaOptions{Files: config.Media{Location: "/srv/media", BaseURL: "/media/"}})
//	if err != nil {
//		return err
//	}
//	defer media.Close()
//	handler := host.Middleware(media)
type Media struct {
	core  core
	media *media
}

// NewMedia returns a handler for the files of o.Files. It passes requests for
// other paths, and without a tenant, to next. The Host must outlive it.
func NewMedia(host *edge.Host, next http.Handler, o MediaOptions) (*Media, error) {
	if o.Logger == nil {
		o.Logger = slog.Default()
	}
	m := &Media{core: core{host: host, log: o.Logger, static: o.Tenants, directory: o.Directory, cache: files.NewCache(o.FileCache)}}
	m.core.base, m.core.interrupt = context.WithCancel(context.Background())
	opened, err := OpenFiles(&o.Files, host)
	if err != nil {
		return nil, err
	}
	s := newStore(&m.core, opened, o.Files.S3 != nil)
	m.media = newMedia(s, &o.Files, &access{&m.core, o.Access, o.Signer}, next)
	if o.Uploads != nil {
		s.writable = true
		m.media.acceptUploads(o.Uploads, nil)
	}
	return m, nil
}

// ServeHTTP serves a file, or passes the request on.
func (m *Media) ServeHTTP(w http.ResponseWriter, r *http.Request) { m.media.ServeHTTP(w, r) }

// Check checks that no two tenants share a folder, and that clients' writes to
// a bucket cannot overwrite each other. Call it after the directory is loaded.
// Tenants that share a folder later are refused and logged.
func (m *Media) Check(ctx context.Context) error {
	problems, err := m.media.store.update(ctx)
	m.media.store.ping(ctx)
	return errors.Join(errors.Join(problems...), err, m.media.store.checkServer(ctx))
}

// Close closes the storage. Open requests fail.
func (m *Media) Close() error {
	m.core.interrupt()
	return m.media.store.close()
}

// media serves the files of the tenant below the base URL and passes all other
// requests on.
type media struct {
	store   *store
	base    string // the part of the base URL that all tenants share
	access  *access
	options files.Options
	uploads *uploads.Handler // nil: clients may only read
	next    http.Handler
}

func newMedia(s *store, c *config.Media, a *access, next http.Handler) *media {
	return &media{store: s, base: c.BaseURL, access: a, next: next, options: files.Options{
		Active: runsActive(c),
		// In a bucket, looking for a compressed form would be one more request.
		Precompressed: c.Precompressed && c.S3 == nil,
		Descriptions:  new(files.Descriptions),
		Cache:         s.fileCache(),
	}}
}

// runsActive reports whether browsers may execute what tenants uploaded. This
// applies to files that an application orders, too.
func runsActive(c *config.Media) bool { return c != nil && c.ActiveContent == "inline" }

func (m *media) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	t, ok := tenant.From(r.Context())
	if !ok || !m.has(r) {
		m.next.ServeHTTP(w, r)
		return
	}
	if m.uploads != nil {
		m.uploads.Announce(w, r)
	}
	lease, err := m.store.lease(r.Context(), t)
	if err != nil {
		noteOf(r.Context()).reason = err.Error()
		m.store.failFile(w, r, statusOf(err))
		return
	}
	defer lease.Release()
	target := resource{tenant: t, path: clientPath(r, t)}
	// The guest decides where the tenant's URLs begin. Other paths below the base
	// belong to other tenants or to none; both are answered like a missing file.
	if base := lease.View.BaseURL(); base != "" {
		target.name, target.hasName = files.Name(target.path, base)
	}
	own := backend.WithContext(r.Context(), lease.View)
	if m.uploads != nil {
		if a, ok := m.uploads.Action(r, own, target.path); ok {
			m.upload(w, r, target, a)
			return
		}
	}
	if !m.access.allow(w, r, target) || !m.onlyReads(w, r, own) {
		return
	}
	if !target.hasName {
		notFound(w, r)
		return
	}
	if err := files.Send(w, r, own, target.name, m.options); err != nil {
		m.failSend(w, r, err)
	}
}

// has reports whether a request is for a file.
func (m *media) has(r *http.Request) bool { return strings.HasPrefix(r.URL.Path, m.base) }

func (m *media) failSend(w http.ResponseWriter, r *http.Request, err error) {
	status := m.store.status(err)
	if status == http.StatusNotFound {
		notFound(w, r)
		return
	}
	if status == http.StatusBadGateway {
		m.store.log.Error("cannot read a file from the bucket", "error", err, "host", r.Host)
	}
	m.store.failFile(w, r, status)
}

// notFound answers requests for files that are missing or another tenant's. It is
// also the handler of urlconfs with media only.
func notFound(w http.ResponseWriter, r *http.Request) { errorpage.Write(w, r, http.StatusNotFound) }
