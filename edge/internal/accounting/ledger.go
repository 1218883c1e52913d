// Package accounting counts what tenants use: requests, the guest's work, bytes and
// websockets, in windows of time that reports add up.
//
//	l, err := accounting.Open(accounting.Options{Folder: folder})
//	go l.Run(ctx)
//	l.Account(accounting.Key{Schema: "acme"}).Served(&accounting.Request{Status: 200, Cost: &cost})
//	report := l.Report(&accounting.Query{By: accounting.Total})
//
// RATIONALE.md gives the reasons.
package accounting

import (
	"cmp"
	"context"
	"errors"
	"hash/maphash"
	"log/slog"
	"slices"
	"sync"
	"sync/atomic"
	"time"
)

// Options configure a Ledger. Zero values have defaults.
type Options struct {
	// Window is the length of a window; default a minute. Windows begin at its
	// multiples since 1970.
	Window time.Duration
	// Folder has the files of closed windows; empty: none are kept.
	Folder   string
	MaxBytes int64 // of a file, after which another one is begun; default 64 MiB
	MaxFiles int   // default 16
	// Memory bounds the closed windows in memory, in bytes; default 64 MiB.
	Memory int64
	// Exists reports whether a tenant still exists; nil: all do.
	Exists func(Key) bool
	// Tracked is the number of tenants that Tracked returns; 0: none.
	Tracked int
	Logger  *slog.Logger
}

// Ledger has the accounts of all tenants and the windows that were closed. It is safe
// for concurrent use.
type Ledger struct {
	options Options
	seed    maphash.Seed
	shards  [64]shard
	tracked tracked

	mu      sync.Mutex // held while a window is closed
	began   time.Time  // of the window that is open
	windows windows
	files   files

	failures atomic.Uint64 // windows that could not be written when they ended
}

type shard struct {
	mu       sync.RWMutex
	accounts map[Key]*Account
}

// Open returns a Ledger, which creates its folder.
func Open(o Options) (*Ledger, error) {
	o.Window = cmp.Or(o.Window, time.Minute)
	o.MaxBytes, o.MaxFiles = cmp.Or(o.MaxBytes, 64<<20), cmp.Or(o.MaxFiles, 16)
	o.Memory = cmp.Or(o.Memory, 64<<20)
	o.Logger = cmp.Or(o.Logger, slog.Default())
	l := &Ledger{options: o, seed: maphash.MakeSeed(), began: time.Now()}
	l.windows.limit = int(o.Memory / rowBytes)
	l.files = files{folder: o.Folder, maxBytes: o.MaxBytes, maxFiles: o.MaxFiles}
	if o.Folder != "" {
		if err := l.files.prepare(); err != nil {
			return nil, err
		}
	}
	return l, nil
}

// Account returns the account of a tenant.
func (l *Ledger) Account(k Key) *Account {
	s := &l.shards[maphash.Comparable(l.seed, k)%uint64(len(l.shards))]
	s.mu.RLock()
	a := s.accounts[k]
	if a != nil && !a.touched.Load() {
		a.touched.Store(true)
	}
	s.mu.RUnlock()
	if a != nil {
		return a
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if a = s.accounts[k]; a == nil {
		if s.accounts == nil {
			s.accounts = map[Key]*Account{}
		}
		a = &Account{key: k}
		s.accounts[k] = a
	}
	a.touched.Store(true)
	return a
}

// Hold is Account for longer than a window: until Account.Release.
func (l *Ledger) Hold(k Key) *Account {
	a := l.Account(k)
	a.holders.Add(1)
	return a
}

// load adds the windows that are in the folder.
func (l *Ledger) load() {
	if l.options.Folder == "" {
		return
	}
	loaded := windows{limit: l.windows.limit}
	if err := loaded.load(l.options.Folder, l.began); err != nil {
		l.options.Logger.Error("reading the usage of tenants failed; reports lack what was used before the start", "error", err)
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, w := range l.windows.all {
		loaded.add(w, l.began)
	}
	l.windows = loaded
}

// Run reads the windows that are in the folder, and closes windows when they end,
// until ctx ends.
func (l *Ledger) Run(ctx context.Context) {
	l.load()
	for {
		next := time.Now().Truncate(l.options.Window).Add(l.options.Window)
		timer := time.NewTimer(time.Until(next))
		select {
		case <-timer.C:
			l.close(next)
		case <-ctx.Done():
			timer.Stop()
			return
		}
	}
}

// Close closes the last window. The Ledger still counts, but nothing is written any
// more.
func (l *Ledger) Close() error {
	err := l.close(time.Now())
	l.mu.Lock()
	defer l.mu.Unlock()
	return errors.Join(err, l.files.close())
}

// Failures returns how many windows could not be written when they ended.
func (l *Ledger) Failures() uint64 { return l.failures.Load() }

// close ends the open window and begins another. The error is that of the file, and is
// logged.
func (l *Ledger) close(now time.Time) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	w := window{start: l.began, length: now.Sub(l.began)}
	l.began = now
	for i := range l.shards {
		w.rows = l.shards[i].close(w.rows, now, l)
	}
	slices.SortFunc(w.rows, compareRows)
	l.tracked.choose(l.options.Tracked)
	l.windows.add(w, now)
	if err := l.files.append(w); err != nil {
		l.failures.Add(1)
		l.options.Logger.Error("writing the usage of tenants failed; it is written later, unless the process ends before", "error", err)
		return err
	}
	return nil
}

// close appends what was used since the last call, and drops idle accounts.
func (s *shard) close(rows []row, now time.Time, l *Ledger) []row {
	s.mu.Lock()
	defer s.mu.Unlock()
	for k, a := range s.accounts {
		touched := a.touched.Swap(false)
		u := a.usage(now)
		since := u.minus(&a.reported)
		a.reported = u
		a.score = a.score*scoreKept + float64(since.Requests())
		gone := l.options.Exists != nil && k != (Key{}) && !l.options.Exists(k)
		l.tracked.note(a, &since, gone)
		if since != (Usage{}) {
			rows = append(rows, row{k, since})
			a.idle = false
			continue
		}
		// Whoever got the account before the last window was closed has counted by now.
		if was := a.idle; was && !touched && a.holders.Load() == 0 && (gone || a.score < scoreLow) {
			delete(s.accounts, k)
			l.tracked.drop(a)
		}
		a.idle = !touched
	}
	return rows
}

// live returns what was used in the open window.
func (l *Ledger) live(now time.Time) (w window, accounts int) {
	w.start, w.length = l.began, now.Sub(l.began)
	for i := range l.shards {
		s := &l.shards[i]
		s.mu.RLock()
		for k, a := range s.accounts {
			u := a.usage(now)
			if since := u.minus(&a.reported); since != (Usage{}) {
				w.rows = append(w.rows, row{k, since})
			}
		}
		accounts += len(s.accounts)
		s.mu.RUnlock()
	}
	slices.SortFunc(w.rows, compareRows)
	return w, accounts
}
