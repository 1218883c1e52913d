package serve

import (
	"context"
	"errors"
	"io/fs"
	"iter"
	"net/http"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/tenantedge/tenantedge/edge"
	"github.com/tenantedge/tenantedge/edge/config"
	"github.com/tenantedge/tenantedge/edge/internal/files"
	"github.com/tenantedge/tenantedge/edge/storage"
	"github.com/tenantedge/tenantedge/edge/storage/backend"
	"github.com/tenantedge/tenantedge/edge/storage/disk"
	"github.com/tenantedge/tenantedge/edge/tenant"
)

// store is the files of all tenants below one location, or in one bucket.
type store struct {
	server  *Server
	storage storage.Storage
	views   *files.Views
	remote  bool // a server is asked for what is in it
	written bool // by clients
	// unreachable is why the server could not be reached the last time; nil: it
	// could.
	unreachable atomic.Pointer[string]

	identifiers atomic.Pointer[backend.Identifiers] // nil: not looked at yet
	checking    sync.Mutex
	checked     state // under checking
}

// state is what identifiers depend on.
type state struct {
	generation uint64 // of the directory
	guest      string // its digest
}

func (s *Server) newStore(c disk.Config) (*store, error) {
	c.Locator = s.host
	files, err := disk.New(c)
	if err != nil {
		return nil, err
	}
	return newStore(s, files), nil
}

func newStore(s *Server, from storage.Storage) *store {
	return &store{server: s, storage: from, views: files.NewViews(from.View)}
}

// newBucket is the store of media that are in a bucket.
func (s *Server) newBucket(m *config.Media) (*store, error) {
	if s.options.OpenBucket == nil {
		return nil, errors.New("expected a way to open the bucket of media, found none")
	}
	c := mediaStorage(m)
	c.Locator = s.host
	opened, err := s.options.OpenBucket(m.S3, c)
	if err != nil {
		return nil, err
	}
	st := newStore(s, opened)
	st.remote = true
	return st, nil
}

// lease borrows the view of a tenant's files. Release it.
func (s *store) lease(ctx context.Context, t *tenant.Tenant) (files.Lease, error) {
	whose := storage.TenantOf(t)
	lease, err := s.views.Borrow(ctx, whose, s.server.host.GuestDigest())
	if err != nil {
		return files.Lease{}, err
	}
	if err := s.check(ctx, whose, lease.View.Identifier()); err != nil {
		lease.Release()
		return files.Lease{}, err
	}
	return lease, nil
}

// check refuses a tenant whose files would be where another's are. What counts
// is the identifier that its view has: another guest, which may give tenants
// other identifiers, takes over before all of them were looked at.
func (s *store) check(ctx context.Context, t storage.Tenant, identifier string) error {
	if i := s.identifiers.Load(); i != nil {
		if err, known := apart(i, t, identifier); known {
			return err
		}
	}
	if _, err := s.update(ctx); err != nil {
		return err
	}
	err, _ := apart(s.identifiers.Load(), t, identifier)
	return err // also one that has been removed since it was routed to
}

// apart reports whether the files below an identifier are the tenant's alone, if
// that is known.
func apart(i *backend.Identifiers, t storage.Tenant, identifier string) (err error, known bool) {
	t.Folder = "" // it has a part in URLs alone
	return i.Check(t, identifier)
}

// update looks at the identifiers of all tenants, if any may have changed. The
// problems are told to the log too.
func (s *store) update(ctx context.Context) ([]error, error) {
	s.checking.Lock()
	defer s.checking.Unlock()
	now := state{guest: s.server.host.GuestDigest()}
	if d := s.server.directory; d != nil {
		now.generation = d.Stats().Generation
	}
	i := s.identifiers.Load()
	if i != nil && now == s.checked {
		return nil, nil
	}
	if i == nil || now.guest != s.checked.guest {
		i = backend.NewIdentifiers(s.storage) // another guest, other identifiers
	}
	problems, err := i.Update(ctx, s.server.tenants())
	if err != nil {
		return nil, err
	}
	s.identifiers.Store(i)
	s.checked = now
	const most = 20 // lines of the log
	for _, p := range problems[:min(most, len(problems))] {
		s.server.log.Error("a tenant has no files", "error", p)
	}
	if more := len(problems) - most; more > 0 {
		s.server.log.Error("more tenants have no files", "tenants", more)
	}
	return problems, nil
}

func (s *store) close() error { return errors.Join(s.views.Close(), s.storage.Close()) }

// tenants yields all tenants as package storage knows them, the static ones
// first.
func (s *Server) tenants() iter.Seq[storage.Tenant] {
	return func(yield func(storage.Tenant) bool) {
		for i := range s.static {
			if !yield(storage.Tenant{Schema: s.static[i].Schema}) {
				return
			}
		}
		if s.directory == nil {
			return
		}
		for row := range s.directory.Tenants() {
			t := storage.Tenant{Schema: row.Schema}
			t.Pathname, t.HasPathname = row.Attribute("schema_pathname")
			if !yield(t) {
				return
			}
		}
	}
}

// CheckFiles reports whether the files of all tenants are apart. Call it when the
// directory is loaded: an error names the tenants that would share a folder, or
// have none.
func (s *Server) CheckFiles(ctx context.Context) error {
	errs := []error{s.CheckTenants(ctx)}
	for _, st := range s.table.stores {
		st.reach(ctx)
		errs = append(errs, st.checkServer(ctx))
	}
	return errors.Join(errs...)
}

// CheckTenants is CheckFiles, and asks no server of a bucket.
func (s *Server) CheckTenants(ctx context.Context) error {
	var errs []error
	for _, st := range s.table.stores {
		problems, err := st.update(ctx)
		errs = append(append(errs, problems...), err)
	}
	return errors.Join(errs...)
}

// conditional is what keeps files where a server decides who may write them.
type conditional interface {
	CheckReplace(context.Context) error
}

// checkServer reports whether the server of a bucket that clients write to does
// as it must, so that none overwrites what another has sent. One that is away
// may come back.
func (s *store) checkServer(ctx context.Context) error {
	c, ok := s.storage.(conditional)
	if !ok || !s.written || s.unreachable.Load() != nil {
		return nil // the server is asked when it is back
	}
	err := c.CheckReplace(ctx)
	if err != nil && !errors.Is(err, backend.ErrUnconditional) {
		s.server.log.ErrorContext(ctx, "it is not known whether the bucket can be written to", "error", err)
		return nil
	}
	return err
}

// recheck is how often tenants are looked at that may have changed.
const recheck = time.Second

// watchFiles tells of tenants that come to share a folder while the server
// runs, even if nobody asks for their files.
func (s *Server) watchFiles(ctx context.Context) {
	if len(s.table.stores) == 0 {
		return
	}
	every(ctx, recheck, func() {
		for _, st := range s.table.stores {
			if _, err := st.update(ctx); err != nil && ctx.Err() == nil {
				s.log.Error("tenants' identifiers cannot be checked", "error", err)
			}
		}
	})
}

// every calls do at each interval until ctx ends.
func every(ctx context.Context, interval time.Duration, do func()) {
	tick := time.NewTicker(interval)
	defer tick.Stop()
	for {
		select {
		case <-tick.C:
			do()
		case <-ctx.Done():
			return
		}
	}
}

// missed is statusOf for files of the store: what a server that is asked for
// them cannot tell is not missing.
func (s *store) missed(err error) int {
	status := statusOf(err)
	if !s.remote || status != http.StatusNotFound {
		return status
	}
	for _, known := range []error{fs.ErrNotExist, fs.ErrInvalid, storage.ErrSuspicious, storage.ErrNoTenant, syscall.ENAMETOOLONG, syscall.ENOTDIR, syscall.EISDIR} {
		if errors.Is(err, known) {
			return status
		}
	}
	return http.StatusBadGateway
}

// statusOf is what a client is told of files that cannot be opened. Whatever
// keeps one from being there, it is missing, unless it might be there the next
// time.
func statusOf(err error) int {
	switch {
	case errors.Is(err, storage.ErrNoTenant):
		return http.StatusNotFound
	case errors.Is(err, edge.ErrGuest):
		return http.StatusBadGateway
	case errors.Is(err, edge.ErrBusy), errors.Is(err, storage.ErrIdentifier), files.Exhausted(err),
		errors.Is(err, context.Canceled), errors.Is(err, context.DeadlineExceeded):
		return http.StatusServiceUnavailable
	}
	return http.StatusNotFound
}
