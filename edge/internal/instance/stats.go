package instance

import (
	"maps"

	"github.com/tenantedge/tenantedge/edge/internal/pristine"
)

// Retirement says why an instance was closed before its time.
type Retirement string

// The retirements.
const (
	TooManyPages Retirement = "pages"  // its requests dirtied so many that putting them back is slow
	Grown        Retirement = "growth" // its memory could not be made small again
	ResetFailed  Retirement = "reset"
	NotPristine  Retirement = "audit"     // an audit found a difference: a bug
	Abandoned    Retirement = "abandoned" // the host panicked in the middle of a call
)

// Retirements lists all of them.
var Retirements = [...]Retirement{TooManyPages, Grown, ResetFailed, NotPristine, Abandoned}

// totals are sums over all calls of a program.
type totals struct {
	usage
	traps           map[Reason]uint64
	retired         map[Retirement]uint64
	audits, shrunk  uint64
	queued, refused uint64
}

// add takes over what an instance has used.
func (t *totals) add(u *usage) {
	t.calls += u.calls
	t.fuel += u.fuel
	t.pages += u.pages
	t.searches += u.searches
	if u.trap != "" {
		t.traps[u.trap]++
	}
	*u = usage{}
}

// Stats say how a program fares. All but the first four count from its start;
// of an instance in a call, the last calls before it (at most 64) may be missing.
type Stats struct {
	Instances int // that exist
	Lent      int // of these, in calls
	Waiting   int // requests in the queue
	Memory    int // bytes of the image, which instances share
	Calls     uint64
	Fuel      uint64
	Pages     uint64 // put back after calls
	Searches  uint64 // calls after which page tables were searched
	Audits    uint64
	Queued    uint64 // requests that had to wait
	Refused   uint64 // of these, in vain
	Shrunk    uint64 // instances closed because nobody needed them
	Traps     map[Reason]uint64
	Retired   map[Retirement]uint64
	// Reset is how memories are put back, Gated whether the thread's count of
	// page faults says if the kernel must be asked for the pages; ResetRefused
	// says why better methods are not used.
	Reset        string
	Gated        bool
	ResetRefused map[string]string
	Cached       Cached
}

// Stats returns the program's counters.
func (p *Program) Stats() Stats {
	s := Stats{Memory: p.size, ResetRefused: map[string]string{}, Cached: p.cached}
	s.Reset = p.support.Best.String()
	s.Gated = p.support.Best == pristine.GatedScan || p.support.Best == pristine.GatedPagemap
	if p.options.NoReset {
		s.Reset, s.Gated = "none", false
	}
	for m, err := range p.support.Refused {
		if err != nil && m != pristine.Auto {
			s.ResetRefused[m.String()] = err.Error()
		}
	}
	q := &p.pool
	q.mu.Lock()
	defer q.mu.Unlock()
	idle := 0
	q.eachIdle(func(i *Instance) bool {
		idle++
		q.totals.add(&i.used)
		return true
	})
	s.Instances, s.Lent, s.Waiting = q.total, q.total-q.absent-idle, len(q.waiting)
	s.Calls, s.Fuel, s.Pages, s.Searches = q.totals.calls, q.totals.fuel, q.totals.pages, q.totals.searches
	s.Audits, s.Queued, s.Refused, s.Shrunk = q.totals.audits, q.totals.queued, q.totals.refused, q.totals.shrunk
	s.Traps, s.Retired = maps.Clone(q.totals.traps), maps.Clone(q.totals.retired)
	return s
}
