package files

import (
	"context"
	"sync"
	"sync/atomic"
	"time"

	"github.com/tenantedge/tenantedge/edge/storage"
)

// Views caches open views of tenants: asking the guest where the files are and
// opening the folder takes longer than sending a small file. It is safe for
// concurrent use.
type Views struct {
	open func(context.Context, storage.Tenant) (storage.View, error)
	// max is the maximum number of cached views. Each has a file descriptor.
	max int
	now func() time.Time
	// began is when Views was made.
	began time.Time

	// Cache hits take only the read lock, so that they do not wait for each other.
	mu      sync.RWMutex
	entries map[viewKey]*entry
	closed  bool
}

const (
	// MaxViews is the maximum number of cached views.
	MaxViews = 512
	// Fresh is how long a view is used before it is reopened: the tenant's folder may
	// have been replaced.
	Fresh = 5 * time.Second
)

// viewKey is what a view depends on: the base URL on the folder, the identifier on
// the tenant's row and on the guest.
type viewKey struct {
	tenant storage.Tenant
	guest  string
}

type entry struct {
	key    viewKey
	view   storage.View
	opened time.Time
	used   atomic.Int64 // last borrowed, in nanoseconds after Views.began
	users  atomic.Int64 // plus one while it is cached
}

// NewViews returns a cache that opens views by open.
func NewViews(open func(context.Context, storage.Tenant) (storage.View, error)) *Views {
	return &Views{open: open, max: MaxViews, now: time.Now, began: time.Now(), entries: make(map[viewKey]*entry)}
}

// Lease is a borrowed view.
type Lease struct {
	View  storage.View
	entry *entry
}

// Borrow returns the tenant's view. guest identifies the guest that decides where
// the files are. The caller releases the lease.
func (v *Views) Borrow(ctx context.Context, t storage.Tenant, guest string) (Lease, error) {
	key, now := viewKey{t, guest}, v.now()
	v.mu.RLock()
	if found, ok := v.entries[key]; ok && now.Sub(found.opened) < Fresh {
		found.users.Add(1) // it is cached, so it is not closed
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
	v.store(fresh)
	return Lease{view, fresh}, nil
}

// store caches a new view in place of the old one.
func (v *Views) store(fresh *entry) {
	v.mu.Lock()
	defer v.mu.Unlock()
	if v.closed {
		return
	}
	if before, ok := v.entries[fresh.key]; ok {
		v.drop(before)
	}
	if len(v.entries) >= v.max {
		v.dropOldest()
	}
	fresh.users.Add(1)
	v.entries[fresh.key] = fresh
}

// dropOldest drops the least recently borrowed view. Its linear search takes less
// time than opening a view, which precedes it.
func (v *Views) dropOldest() {
	var oldest *entry
	for _, e := range v.entries {
		if oldest == nil || e.used.Load() < oldest.used.Load() {
			oldest = e
		}
	}
	v.drop(oldest)
}

// drop removes a view from the cache. It is closed when its last user releases
// it.
func (v *Views) drop(e *entry) {
	delete(v.entries, e.key)
	e.release()
}

// release ends one use.
func (e *entry) release() {
	if e.users.Add(-1) == 0 {
		_ = e.view.Close() // open files stay open
	}
}

// Release ends the use of the view. Open files stay open.
func (l Lease) Release() { l.entry.release() }

// Close closes all views that are not in use, and the others when they are
// released.
func (v *Views) Close() error {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.closed = true
	for _, e := range v.entries {
		v.drop(e)
	}
	return nil
}
