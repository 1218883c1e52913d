package accounting

import (
	"slices"
	"time"
)

const (
	// scoreKept is the share of a score that is left after a window, so that a score is
	// about the last ten windows.
	scoreKept = 0.9
	// scoreLow is the score at which an idle account is dropped.
	scoreLow = 0.5
	// scoreLead is how much larger the score of a tenant must be than that of a tracked
	// one to replace it, so that tenants with similar numbers do not take turns.
	scoreLead = 1.5
)

// tracked are the tenants with the most requests, for metrics, which cannot have a
// series for each tenant. It is used while Ledger.mu is locked.
type tracked struct {
	since map[*Account]*Usage // what they used since they are tracked
	other Usage               // what tenants used while they were not tracked
	best  []*Account          // those with the largest scores that are not tracked
	gone  []*Account          // tracked ones whose tenant was removed
}

// note books what an account used in a window that is closed.
func (t *tracked) note(a *Account, since *Usage, gone bool) {
	if of := t.since[a]; of != nil {
		of.Add(since)
		if gone {
			t.gone = append(t.gone, a)
		}
		return
	}
	t.other.Add(since)
	if !gone && a.key != (Key{}) && a.score >= scoreLow {
		t.best = append(t.best, a)
	}
}

// drop ends the tracking of an account that is dropped.
func (t *tracked) drop(a *Account) { delete(t.since, a) }

// choose chooses which accounts are tracked until the next window is closed: at most k.
func (t *tracked) choose(k int) {
	for _, a := range t.gone {
		delete(t.since, a)
	}
	slices.SortFunc(t.best, func(a, b *Account) int {
		switch {
		case a.score != b.score && a.score > b.score:
			return -1
		case a.score != b.score:
			return 1
		}
		return compareRows(row{key: a.key}, row{key: b.key})
	})
	if t.since == nil {
		t.since = map[*Account]*Usage{}
	}
	for _, a := range t.best[:min(k, len(t.best))] {
		if len(t.since) >= k {
			last := t.last()
			if a.score <= last.score*scoreLead {
				break
			}
			delete(t.since, last)
		}
		t.since[a] = new(Usage)
	}
	t.best, t.gone = nil, nil
}

// last returns the tracked account with the lowest score.
func (t *tracked) last() (last *Account) {
	for a := range t.since {
		if last == nil || a.score < last.score || a.score == last.score && compareRows(row{key: a.key}, row{key: last.key}) > 0 {
			last = a
		}
	}
	return last
}

// TrackedUsage is what the tracked tenants used since they are tracked, and what all
// others used while they were not. The figures of a tenant that is tracked again begin
// at 0.
type TrackedUsage struct {
	Tenants  map[string]*Usage // by schema
	Other    Usage             // with the requests without a tenant
	Accounts int               // tenants that have used something lately
}

// Tracked returns the usage of the tenants with the most requests.
func (l *Ledger) Tracked() TrackedUsage {
	l.mu.Lock()
	defer l.mu.Unlock()
	u := TrackedUsage{Tenants: map[string]*Usage{}, Other: l.tracked.other}
	for a, since := range l.tracked.since {
		*u.of(a.key.Schema) = *since
	}
	open, accounts := l.live(time.Now())
	for i := range open.rows {
		r := &open.rows[i]
		if of := u.Tenants[r.key.Schema]; of != nil && r.key != (Key{}) {
			of.Add(&r.usage)
		} else {
			u.Other.Add(&r.usage)
		}
	}
	u.Accounts = accounts
	return u
}

func (u *TrackedUsage) of(schema string) *Usage {
	if u.Tenants[schema] == nil {
		u.Tenants[schema] = new(Usage)
	}
	return u.Tenants[schema]
}
