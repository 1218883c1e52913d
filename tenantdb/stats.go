package tenantdb

import (
	"slices"
	"time"
)

// Stats describes the size of a directory and whether it is up to date.
type Stats struct {
	Tenants    int
	Domains    int
	LeftOut    int           // rows that the last Replace left out
	Generation uint64        // number of calls of Replace and Apply
	SyncedAt   time.Time     // when the directory last agreed with its source; zero: never
	Age        time.Duration // since SyncedAt
	Degraded   string        // why the rows may be out of date; empty: they are not
	Upkeep     Upkeep
}

// Upkeep describes how a source keeps the directory up to date.
type Upkeep struct {
	// Polling is why the source polls for changes; empty: it is notified.
	Polling string
	// StateFile is the file that the state is saved to; empty: none.
	StateFile string
	// UnsavedSince is the time of the oldest change that the file does not hold;
	// zero: it holds all.
	UnsavedSince time.Time
	SaveError    string // of the last write of the file; empty: it succeeded
	SaveFailures uint64
}

// StateAge returns the time since UnsavedSince, 0 if that is zero.
func (u Upkeep) StateAge() time.Duration {
	if u.UnsavedSince.IsZero() {
		return 0
	}
	return time.Since(u.UnsavedSince)
}

// Stats returns the current statistics.
func (d *Directory) Stats() Stats {
	s, h := d.state.Load(), d.health.Load()
	st := Stats{
		Tenants: s.ids.count, Domains: s.domains.count, Generation: s.generation,
		LeftOut: h.leftOut, SyncedAt: h.syncedAt, Degraded: h.degraded, Upkeep: *d.upkeep.Load(),
	}
	if !h.syncedAt.IsZero() {
		st.Age = max(0, time.Since(h.syncedAt))
	}
	return st
}

// Problems returns at most MaxProblems of the rows that are left out now.
func (d *Directory) Problems() []Problem {
	d.mu.Lock()
	defer d.mu.Unlock()
	return slices.Clone(d.problems)
}

// Confirm records that the directory agrees with its source now, and is not
// degraded.
func (d *Directory) Confirm() {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.health.Store(&health{syncedAt: time.Now(), leftOut: d.health.Load().leftOut})
}

// Degrade records why the directory may be out of date, until the next Replace,
// Apply or Confirm. The rows stay.
func (d *Directory) Degrade(reason string) {
	d.mu.Lock()
	defer d.mu.Unlock()
	h := *d.health.Load()
	h.degraded = reason
	d.health.Store(&h)
}

// Note lets change update the Upkeep. Calls are serialised.
func (d *Directory) Note(change func(*Upkeep)) {
	d.mu.Lock()
	defer d.mu.Unlock()
	u := *d.upkeep.Load()
	change(&u)
	d.upkeep.Store(&u)
}
