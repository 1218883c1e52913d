package files

import (
	"container/list"
	"context"
	"sync"
	"time"

	"github.com/tenantedge/tenantedge/edge/storage"
)

// Views keeps the views of tenants open between requests: asking the guest
// where the files are and opening the folder takes longer than sending a small
// file. It is safe for concurrent use.
type Views struct {
	open func(context.Context, storage.Tenant) (storage.Files, error)
	// most views are kept open, each of which has a file descriptor.
	most int
	now  func() time.Time

	mu      sync.Mutex
	entries map[viewKey]*list.Element // of *entry
	order   list.List                 // the one that was used last in front
	closed  bool
}

const (
	// MostViews is how many views are kept open.
	MostViews = 512
	// Fresh is how long a view is used before it is opened anew: a tenant's
	// folder may have been exchanged for another.
	Fresh = 5 * time.Second
)

// viewKey is whose view it is. The same tenant has another base URL by folder,
// another pathname when its row changes, and may have another identifier by
// another guest.
type viewKey struct {
	tenant storage.Tenant
	guest  string
}

type entry struct {
	key    viewKey
	view   storage.Files
	opened time.Time
	users  int // and one more while it is kept
}

// NewViews returns one that opens views as open does.
func NewViews(open func(context.Context, storage.Tenant) (storage.Files, error)) *Views {
	return &Views{open: open, most: MostViews, now: time.Now, entries: make(map[viewKey]*list.Element)}
}

// Lease is a view on loan.
type Lease struct {
	storage.Files
	views *Views
	entry *entry
}

// Borrow returns the tenant's view; guest names the guest that decides where
// it is. Release it after use.
func (v *Views) Borrow(ctx context.Context, t storage.Tenant, guest string) (Lease, error) {
	key := viewKey{t, guest}
	v.mu.Lock()
	if e, ok := v.entries[key]; ok {
		found := e.Value.(*entry)
		if v.now().Sub(found.opened) < Fresh {
			v.order.MoveToFront(e)
			found.users++
			v.mu.Unlock()
			return Lease{found.view, v, found}, nil
		}
	}
	v.mu.Unlock()
	view, err := v.open(ctx, t)
	if err != nil {
		return Lease{}, err
	}
	return v.keep(&entry{key: key, view: view, opened: v.now(), users: 1}), nil
}

// keep puts a new view in the place of the one before.
func (v *Views) keep(fresh *entry) Lease {
	v.mu.Lock()
	defer v.mu.Unlock()
	if !v.closed {
		if before, ok := v.entries[fresh.key]; ok {
			v.drop(before)
		}
		fresh.users++
		v.entries[fresh.key] = v.order.PushFront(fresh)
		for v.order.Len() > v.most {
			v.drop(v.order.Back())
		}
	}
	return Lease{fresh.view, v, fresh}
}

// drop keeps a view no longer. It is closed when the last user is done.
func (v *Views) drop(e *list.Element) {
	old := v.order.Remove(e).(*entry)
	delete(v.entries, old.key)
	old.release()
}

// release is for one user that is done.
func (e *entry) release() {
	if e.users--; e.users == 0 {
		_ = e.view.Close() // files that are open stay so
	}
}

// Release gives the view back. Files that were opened in it stay open.
func (l Lease) Release() {
	l.views.mu.Lock()
	defer l.views.mu.Unlock()
	l.entry.release()
}

// Close closes the views that nobody uses, and the others when they are given
// back.
func (v *Views) Close() error {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.closed = true
	for v.order.Len() > 0 {
		v.drop(v.order.Back())
	}
	return nil
}
