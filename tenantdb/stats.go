package tenantdb

import (
	"slices"
	"time"
)

// Stats tells how large the directory is and how well it is kept.
type Stats struct {
	Tenants    int
	Domains    int
	Refused    int       // rows that the last full load left out
	Generation uint64    // grows with every Replace and Apply
	SyncedAt   time.Time // when the rows were last known to be the truth; zero: never
	Age        time.Duration
	Degraded   string // why the rows may be out of date; empty: they are not
	Upkeep     Upkeep
}

// Upkeep is what a source notes of how it keeps the directory.
type Upkeep struct {
	// Polling is why the source is polled for changes; empty: they are
	// notified.
	Polling string
	// StateFile is where the state is saved; empty: it is not.
	StateFile string
	// UnsavedSince is when the directory first changed after the state that the
	// file holds; zero: the file holds all.
	UnsavedSince time.Time
	SaveError    string // why the last try to write the file failed; empty: it did not
	SaveFailures uint64
}

// StateAge is the age of the oldest change that the state file does not hold; 0
// if it holds all.
func (u Upkeep) StateAge() time.Duration {
	if u.UnsavedSince.IsZero() {
		return 0
	}
	return time.Since(u.UnsavedSince)
}

// Stats returns the figures of this moment.
func (d *Directory) Stats() Stats {
	s, h := d.state.Load(), d.health.Load()
	st := Stats{
		Tenants: s.ids.count, Domains: s.domains.count, Generation: s.generation,
		Refused: h.refused, SyncedAt: h.syncedAt, Degraded: h.degraded, Upkeep: *d.upkeep.Load(),
	}
	if !h.syncedAt.IsZero() {
		st.Age = max(0, time.Since(h.syncedAt))
	}
	return st
}

// Problems returns the rows that are left out at this moment, MaxProblems of
// them at most.
func (d *Directory) Problems() []Problem {
	d.mu.Lock()
	defer d.mu.Unlock()
	return slices.Clone(d.left)
}

// Confirm notes that the source still holds what the directory holds: it was
// in step now, and is not degraded.
func (d *Directory) Confirm() {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.health.Store(&health{syncedAt: time.Now(), refused: d.health.Load().refused})
}

// Degrade notes why the directory may be out of date. The rows stay. A
// Replace, an Apply or a Confirm ends it.
func (d *Directory) Degrade(reason string) {
	d.mu.Lock()
	defer d.mu.Unlock()
	h := *d.health.Load()
	h.degraded = reason
	d.health.Store(&h)
}

// Note has change note something of the source's upkeep. Calls take turns.
func (d *Directory) Note(change func(*Upkeep)) {
	d.mu.Lock()
	defer d.mu.Unlock()
	u := *d.upkeep.Load()
	change(&u)
	d.upkeep.Store(&u)
}
