package backend

import (
	"context"
	"sync"
	"time"

	"github.com/tenantedge/tenantedge/edge/storage"
)

const (
	countAge   = 10 * time.Minute // a count older than this is renewed: others may have changed files
	refusalAge = 10 * time.Second // a count older than this is renewed before a reservation fails
)

// Ledger enforces the quotas of a namespace. Only the backend has it, so that
// the user of a tenant's files cannot change what is counted.
type Ledger struct {
	space *Namespace

	mu       sync.Mutex
	accounts map[string]*Account // by identifier
}

// Account returns the account of a tenant; nil, whose methods do nothing, for
// one without a quota.
func (l *Ledger) Account(of *Names) *Account {
	if of.space != l.space {
		return nil
	}
	q := l.space.Quota(of.tenant)
	if q == (storage.Quota{}) {
		return nil
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	a := l.accounts[of.identifier]
	if a == nil {
		identifier := of.identifier
		a = newAccount(func(ctx context.Context) (storage.Usage, error) { return l.space.count(ctx, identifier) })
		l.accounts[identifier] = a
	}
	a.mu.Lock()
	a.quota = q // it may have changed
	a.mu.Unlock()
	return a
}

// Account is the known usage of one tenant: what is kept, and what is reserved
// for files that are being saved, which counts as much.
type Account struct {
	count    func(context.Context) (storage.Usage, error)
	counting chan struct{} // holds a token during a count

	mu       sync.Mutex
	quota    storage.Quota
	counted  time.Time
	kept     storage.Usage
	reserved storage.Usage
	// during is what was saved during a count, which may have missed it.
	during storage.Usage
}

func newAccount(count func(context.Context) (storage.Usage, error)) *Account {
	return &Account{count: count, counting: make(chan struct{}, 1)}
}

// Usage returns what is kept and what is reserved, as far as known.
func (a *Account) Usage() (kept, reserved storage.Usage) {
	if a == nil {
		return kept, reserved
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.kept, a.reserved
}

// Reserve reserves room for what is about to be saved. If the quota leaves none,
// the error is ErrQuota. Settle ends the reservation.
func (a *Account) Reserve(ctx context.Context, more storage.Usage) error {
	if a == nil {
		return nil
	}
	if err := a.recount(ctx, countAge); err != nil {
		return err
	}
	if a.tryReserve(more) {
		return nil
	}
	// Others may have removed files.
	if err := a.recount(ctx, refusalAge); err != nil {
		return err
	}
	if a.tryReserve(more) {
		return nil
	}
	return storage.ErrQuota
}

func (a *Account) tryReserve(more storage.Usage) bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	bytes, files := a.kept.Bytes+a.reserved.Bytes+more.Bytes, a.kept.Files+a.reserved.Files+more.Files
	if q := a.quota; q.Bytes > 0 && bytes > q.Bytes || q.Files > 0 && files > q.Files {
		return false
	}
	add(&a.reserved, more)
	return true
}

// recount counts if the last count is older than age. Concurrent callers wait
// for one count and share it.
func (a *Account) recount(ctx context.Context, age time.Duration) error {
	fresh := func() bool {
		a.mu.Lock()
		defer a.mu.Unlock()
		return !a.counted.IsZero() && time.Since(a.counted) < age
	}
	if fresh() {
		return nil
	}
	select {
	case a.counting <- struct{}{}:
		defer func() { <-a.counting }()
	case <-ctx.Done():
		return ctx.Err()
	}
	if fresh() {
		return nil
	}
	a.mu.Lock()
	a.during = storage.Usage{}
	a.mu.Unlock()
	u, err := a.count(ctx)
	if err != nil {
		return err
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	add(&u, a.during)
	a.kept, a.counted = u, time.Now()
	return nil
}

// Settle ends a reservation. If kept is true, what was reserved is kept now.
func (a *Account) Settle(reserved storage.Usage, kept bool) {
	if a == nil {
		return
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	add(&a.reserved, storage.Usage{Bytes: -reserved.Bytes, Files: -reserved.Files})
	if kept {
		add(&a.kept, reserved)
		add(&a.during, reserved)
	}
}

// Removed records what is no longer kept.
func (a *Account) Removed(u storage.Usage) {
	if a == nil {
		return
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	a.kept.Bytes = max(0, a.kept.Bytes-u.Bytes)
	a.kept.Files = max(0, a.kept.Files-u.Files)
}

func add(u *storage.Usage, more storage.Usage) {
	u.Bytes += more.Bytes
	u.Files += more.Files
}
