package serve

import (
	"context"
	"errors"
	"iter"
	"sync"
	"sync/atomic"
	"time"

	"github.com/tenantedge/tenantedge/edge/internal/files"
	"github.com/tenantedge/tenantedge/edge/storage"
	"github.com/tenantedge/tenantedge/edge/storage/backend"
	"github.com/tenantedge/tenantedge/edge/tenant"
)

// store holds the files of all tenants, below one location or in one bucket.
type store struct {
	*core
	storage  storage.Storage
	views    *files.Views
	remote   bool // the files are in a bucket
	writable bool // by clients
	// unreachable is why the bucket's server could not be reached the last time.
	// nil: it could.
	unreachable atomic.Pointer[string]

	identifiers atomic.Pointer[backend.Identifiers] // nil: not checked yet
	checking    sync.Mutex
	checked     state // guarded by checking
}

// state is what identifiers depend on.
type state struct {
	directory <-chan struct{} // Directory.Changed: a new channel for each state
	guest     string          // digest
}

func newStore(c *core, from storage.Storage, remote bool) *store {
	return &store{core: c, storage: from, views: files.NewViews(from.View), remote: remote}
}

// fileCache returns the cache for files of the store. A bucket has none: looking
// up a file takes as long as reading it.
func (s *store) fileCache() *files.Cache {
	if s.remote {
		return nil
	}
	return s.cache
}

// lease borrows the view of a tenant's files. Release it.
func (s *store) lease(ctx context.Context, t *tenant.Tenant) (files.Lease, error) {
	owner := storage.TenantOf(t)
	lease, err := s.views.Borrow(ctx, owner, s.host.GuestDigest())
	if err != nil {
		return files.Lease{}, err
	}
	if err := s.check(ctx, owner, lease.View.Identifier()); err != nil {
		lease.Release()
		return files.Lease{}, err
	}
	return lease, nil
}

// check returns an error if the tenant's files are another tenant's. It checks the
// identifier of the tenant's view, since a new guest, which may name other
// identifiers, runs before those of all tenants are checked.
func (s *store) check(ctx context.Context, t storage.Tenant, identifier string) error {
	if i := s.identifiers.Load(); i != nil {
		if err, known := checkIdentifier(i, t, identifier); known {
			return err
		}
	}
	if _, err := s.update(ctx); err != nil {
		return err
	}
	err, _ := checkIdentifier(s.identifiers.Load(), t, identifier)
	return err // nil for an unknown tenant, which was removed after routing
}

// checkIdentifier returns an error if the identifier is another tenant's. known is false if
// t is not among the tenants that were checked.
func checkIdentifier(i *backend.Identifiers, t storage.Tenant, identifier string) (err error, known bool) {
	t.Folder = "" // only URLs depend on it
	return i.Check(t, identifier)
}

// update checks the identifiers of all tenants if the directory or the guest has
// changed. It logs and returns an error for each tenant that has no files of its
// own and had them, or was not known, before.
func (s *store) update(ctx context.Context) ([]error, error) {
	s.checking.Lock()
	defer s.checking.Unlock()
	now := state{guest: s.host.GuestDigest()}
	if s.directory != nil {
		now.directory = s.directory.Changed()
	}
	i := s.identifiers.Load()
	if i != nil && now == s.checked {
		return nil, nil
	}
	if i == nil || now.guest != s.checked.guest {
		i = backend.NewIdentifiers(s.storage) // another guest names other identifiers
	}
	problems, err := i.Update(ctx, s.tenants())
	if err != nil {
		return nil, err
	}
	s.identifiers.Store(i)
	s.checked = now
	const logged = 20
	for _, p := range problems[:min(logged, len(problems))] {
		s.log.Error("the files of a tenant are not served", "error", p)
	}
	if more := len(problems) - logged; more > 0 {
		s.log.Error("the files of more tenants are not served", "tenants", more)
	}
	return problems, nil
}

func (s *store) close() error { return errors.Join(s.views.Close(), s.storage.Close()) }

// tenants yields all tenants, the static ones first.
func (c *core) tenants() iter.Seq[storage.Tenant] {
	return func(yield func(storage.Tenant) bool) {
		for i := range c.static {
			if !yield(storage.Tenant{Schema: c.static[i].Schema}) {
				return
			}
		}
		if c.directory == nil {
			return
		}
		for row := range c.directory.Tenants() {
			t := storage.Tenant{Schema: row.Schema}
			t.Pathname, t.HasPathname = row.Attribute("schema_pathname")
			if !yield(t) {
				return
			}
		}
	}
}

// checkFiles checks that no two tenants share files, and that buckets can be
// used. The directory must be loaded. The error names the tenants that would
// share a folder or have none.
func (s *generation) checkFiles(ctx context.Context) error {
	errs := []error{s.checkTenants(ctx)}
	for _, st := range s.table.stores {
		st.ping(ctx)
		errs = append(errs, st.checkServer(ctx))
	}
	return errors.Join(errs...)
}

// checkTenants is Server.CheckTenants.
func (s *generation) checkTenants(ctx context.Context) error {
	var errs []error
	for _, st := range s.table.stores {
		problems, err := st.update(ctx)
		errs = append(append(errs, problems...), err)
	}
	return errors.Join(errs...)
}

// recheck is the shortest time between two checks of all tenants.
const recheck = time.Second

// watchFiles logs tenants that come to share a folder, even if their files are
// not requested. It checks after changes of the directory and of the guest.
func (s *generation) watchFiles(ctx context.Context) {
	for {
		var changed <-chan struct{}
		if s.directory != nil {
			changed = s.directory.Changed()
		}
		for _, st := range s.table.stores {
			if _, err := st.update(ctx); err != nil && ctx.Err() == nil {
				s.log.Error("cannot check the tenants' identifiers", "error", err)
			}
		}
		if !sleep(ctx, recheck) {
			return
		}
		select {
		case <-changed:
		case <-s.swapped:
		case <-ctx.Done():
			return
		}
	}
}

// guestStorage is the storage for guests. It relies on the last check of all
// identifiers: a new check would call the guest, which is in the middle of a call.
type guestStorage struct {
	storage.Storage
	store *store
}

// View implements storage.Storage. It fails if the tenant's files are another
// tenant's, or if that has not been checked.
func (g guestStorage) View(ctx context.Context, t storage.Tenant) (storage.View, error) {
	i := g.store.identifiers.Load()
	if i == nil {
		return nil, errNotChecked
	}
	view, err := g.Storage.View(ctx, t)
	if err != nil {
		return nil, err
	}
	switch err, known := checkIdentifier(i, t, view.Identifier()); {
	case !known:
		return nil, errors.Join(errNotChecked, view.Close())
	case err != nil:
		return nil, errors.Join(err, view.Close())
	}
	return view, nil
}

var errNotChecked = errorf("%w: it is not known yet whether another tenant has it", storage.ErrIdentifier)
