package storage

import (
	"context"
	"errors"
	"io/fs"
	"sync"
	"time"
)

// Quota is the most that one tenant may keep. 0: no limit. On a disk, folders
// and the records of partial files count as files too: each takes an inode.
type Quota struct {
	Bytes int64
	Files int64
}

// Usage is what a tenant keeps.
type Usage struct{ Bytes, Files int64 }

const (
	countAge   = 10 * time.Minute // after which others may have changed much
	refusalAge = 10 * time.Second // after which a refusal asks for a new count
)

// account is what is known of a tenant's usage. What is being saved is pending
// and counts as much.
type account struct {
	quota Quota
	count func(context.Context) (Usage, error)

	counting chan struct{} // holds a token while somebody counts
	mu       sync.Mutex
	counted  time.Time
	kept     Usage
	pending  Usage
	// during is what was saved while somebody counted, who may have missed it.
	during Usage
}

// quotaOf is the quota of a tenant, none by default.
func (s *Namespace) quotaOf(t Tenant) Quota {
	if s.quota == nil {
		return Quota{}
	}
	return s.quota(t)
}

// account is the tenant's, or nil for one without a quota.
func (v *Names) account() *account {
	q := v.space.quotaOf(v.tenant)
	if q == (Quota{}) {
		return nil
	}
	s := v.space
	s.accounting.Lock()
	defer s.accounting.Unlock()
	a := s.accounts[v.identifier]
	if a == nil {
		identifier := v.identifier
		a = &account{counting: make(chan struct{}, 1), count: func(ctx context.Context) (Usage, error) { return s.count(ctx, identifier) }}
		s.accounts[identifier] = a
	}
	a.mu.Lock()
	a.quota = q // it may have been changed
	a.mu.Unlock()
	return a
}

// Usage counts what the tenant keeps: all files, whoever wrote them.
func (v *View) Usage(ctx context.Context) (Usage, error) {
	if v.storage == nil {
		return Usage{}, ErrNoTenant
	}
	return v.storage.count(ctx, v.identifier, false)
}

// count counts a tenant's files, and, with all, whatever else a quota counts.
func (s *Storage) count(ctx context.Context, identifier string, all bool) (Usage, error) {
	var u Usage
	f, err := s.open(identifier, false)
	if err != nil {
		return u, unless(err, fs.ErrNotExist)
	}
	err = fs.WalkDir(f.FS(), ".", func(name string, d fs.DirEntry, err error) error {
		switch {
		case ctx.Err() != nil:
			return ctx.Err()
		case err != nil || reserved(d.Name()):
			return unless(err, fs.ErrNotExist) // removed meanwhile
		case isRecord(name), d.IsDir() && name != ".":
			if all {
				u.Files++
			}
			return nil
		case !d.Type().IsRegular():
			return nil
		}
		info, err := d.Info()
		if err != nil {
			return unless(err, fs.ErrNotExist)
		}
		u.Bytes += info.Size()
		u.Files++
		return nil
	})
	return u, errors.Join(err, f.Close())
}

// reserve takes what is about to be saved, or fails with ErrQuota.
func (a *account) reserve(ctx context.Context, more Usage) error {
	if err := a.recount(ctx, countAge); err != nil {
		return err
	}
	if a.take(more) {
		return nil
	}
	// Others may have made room.
	if err := a.recount(ctx, refusalAge); err != nil {
		return err
	}
	if a.take(more) {
		return nil
	}
	return ErrQuota
}

func (a *account) take(more Usage) bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	bytes, files := a.kept.Bytes+a.pending.Bytes+more.Bytes, a.kept.Files+a.pending.Files+more.Files
	if q := a.quota; q.Bytes > 0 && bytes > q.Bytes || q.Files > 0 && files > q.Files {
		return false
	}
	a.pending.add(more)
	return true
}

// recount counts if the last count is older than age. One counts at a time;
// those who wait for it use its count.
func (a *account) recount(ctx context.Context, age time.Duration) error {
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
	a.during = Usage{}
	a.mu.Unlock()
	u, err := a.count(ctx)
	if err != nil {
		return err
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	u.add(a.during)
	a.kept, a.counted = u, time.Now()
	return nil
}

// settle ends a reservation: as what is kept now, or as nothing.
func (a *account) settle(reserved Usage, kept bool) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.pending.add(Usage{-reserved.Bytes, -reserved.Files})
	if kept {
		a.kept.add(reserved)
		a.during.add(reserved)
	}
}

// removed tells of a file that was deleted.
func (a *account) removed(size int64) { a.gone(Usage{Bytes: size, Files: 1}) }

// gone tells of what is kept no longer.
func (a *account) gone(less Usage) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.kept.Bytes = max(0, a.kept.Bytes-less.Bytes)
	a.kept.Files = max(0, a.kept.Files-less.Files)
}

func (u *Usage) add(more Usage) {
	u.Bytes += more.Bytes
	u.Files += more.Files
}
