package files

import (
	"context"
	"sync"
	"sync/atomic"
	"time"

	"github.com/tenantedge/tenantedge/edge/storage"
)

// Views keeps the views of tenants open between requests: asking the guest
// where the files are and opening the folder takes longer than sending a small
// file. It is safe for concurrent use.
type Views struct {
	open func(context.Context, storage.Tenant) (storage.View, error)
	// most views are kept open, each of which has a file descriptor.
	most int
	now  func() time.Time
	// began is when the views were made.
	began time.Time

	// Requests read alone, so that none waits for another that is held up.
	mu      sync.RWMutex
	entries map[viewKey]*entry
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
	view   storage.View
	opened time.Time
	used   atomic.Int64 // when it was borrowed last, in nanoseconds after Views.began
	users  atomic.Int64 // and one more while it is kept
}

// NewViews returns one that opens views as open does.
func NewViews(open func(context.Context, storage.Tenant) (storage.View, error)) *Views {
	return &Views{open: open, most: MostViews, now: time.Now, began: time.Now(), entries: make(map[viewKey]*entry)}
}

// Lease is a view on loan.
type Lease struct {
	View  storage.View
	entry *entry
}

// Borrow returns the tenant's view; guest names the guest that decides where
// it is. Release it after use.
func (v *Views) Borrow(ctx context.Context, t storage.Tenant, guest string) (Lease, error) {
	key, now := viewKey{t, guest}, v.now()
	v.mu.RLock()
	if found, ok := v.entries[key]; ok && now.Sub(found.opened) < Fresh {
		found.users.Add(1) // it is kept, so it is not closed
		v.mu.RUnlock()
		found.used.Store(int64(now.Sub(v.began)))
		return Lease{found.view, found}, nil
	}
	v.mu.RUnlock()
	view, err := v.open(ctx, t)
	if err != nil {
		return Lease{}, err
	}
	fresh := &entry{key: key, view: view, opened: now}
	fresh.used.Store(int64(now.Sub(v.began)))
	fresh.users.Store(1)
	v.keep(fresh)
	return Lease{view, fresh}, nil
}

// keep puts a new view in the place of the one before.
func (v *Views) keep(fresh *entry) {
	v.mu.Lock()
	defer v.mu.Unlock()
	if v.closed {
		return
	}
	if before, ok := v.entries[fresh.key]; ok {
		v.drop(before)
	}
	if len(v.entries) >= v.most {
		v.dropOldest()
	}
	fresh.users.Add(1)
	v.entries[fresh.key] = fresh
}

// dropOldest drops the view that was not borrowed for the longest time. It is
// called once for each view that is opened, which takes longer.
func (v *Views) dropOldest() {
	var oldest *entry
	for _, e := range v.entries {
		if oldest == nil || e.used.Load() < oldest.used.Load() {
			oldest = e
		}
	}
	v.drop(oldest)
}

// drop keeps a view no longer. It is closed when the last user is done.
func (v *Views) drop(e *entry) {
	delete(v.entries, e.key)
	e.release()
}

// release is for one user that is done.
func (e *entry) release() {
	if e.users.Add(-1) == 0 {
		_ = e.view.Close() // files that are open stay so
	}
}

// Release gives the view back. Files that were opened in it stay open.
func (l Lease) Release() { l.entry.release() }

// Close closes the views that nobody uses, and the others when they are given
// back.
func (v *Views) Close() error {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.closed = true
	for _, e := range v.entries {
		v.drop(e)
	}
	return nil
}
