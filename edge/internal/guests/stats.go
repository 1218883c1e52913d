package guests

import (
	"fmt"

	"github.com/tenantedge/tenantedge/edge/internal/instance"
	"github.com/tenantedge/tenantedge/edge/stats"
)

// Report describes the current guest, and how Swap or Rollback got it.
type Report struct {
	Unchanged bool // it was the current guest already
	Reused    bool // it was the previous guest, which is kept compiled
	Guest     stats.Guest
	Previous  stats.Guest
	Engine    stats.Engine
	Missing   []string // optional exports that it lacks
}

// Report describes the current guest.
func (s *Set) Report() Report {
	g := s.current.Load()
	r := Report{Guest: g.info(), Engine: g.program.Engine(), Missing: g.program.Missing()}
	if p := s.previous.Load(); p != nil {
		r.Previous = p.info()
	}
	return r
}

// Stats returns the figures of the guests.
func (s *Set) Stats() stats.Host {
	s.statsMu.Lock()
	defer s.statsMu.Unlock()
	h := stats.Host{
		Total: instance.NoStats(), Parked: instance.NoStats(),
		Swaps: s.swaps, Rollbacks: s.rollbacks, FailedSwaps: s.failedSwaps,
		LogWritten: s.log.written.Load(), LogDropped: s.log.dropped.Load(),
	}
	add(&h.Total, &s.past)
	current, previous := s.current.Load(), s.previous.Load()
	if h.Candidate = s.lastCandidate; s.candidate.Load() != nil {
		h.Candidate = s.candidate.Load().stats()
	}
	for _, g := range s.live {
		of := g.program.Stats()
		add(&h.Total, &of)
		switch {
		case g.superseded:
			h.Draining++
		case g == current:
			h.Guest, h.Engine, h.Missing, h.Current = g.info(), g.program.Engine(), g.program.Missing(), of
		case g == previous:
			h.Previous, h.Parked = g.info(), of
		}
	}
	return h
}

func (g *Generation) info() stats.Guest {
	c := g.program.Configured()
	// Names go into logs and metrics, so they are truncated.
	return stats.Guest{Digest: g.program.Digest(), Name: fmt.Sprintf("%.80s", c.Name), Version: fmt.Sprintf("%.80s", c.Version)}
}

// add adds the figures of one guest to a sum.
func add(sum, p *stats.Program) {
	sum.Instances += p.Instances
	sum.Busy += p.Busy
	sum.Waiting += p.Waiting
	sum.Calls += p.Calls
	sum.Fuel += p.Fuel
	sum.Restored += p.Restored
	sum.Audits += p.Audits
	sum.Queued += p.Queued
	sum.TimedOut += p.TimedOut
	sum.Shrunk += p.Shrunk
	addHistogram(&sum.CallSeconds, &p.CallSeconds)
	addHistogram(&sum.CallFuel, &p.CallFuel)
	for trap, n := range p.Traps {
		sum.Traps[trap] += n
	}
	for reason, n := range p.Retired {
		sum.Retired[reason] += n
	}
}

// addHistogram adds a histogram to one with the same bounds.
func addHistogram(sum, h *stats.Histogram) {
	for n, count := range h.Counts {
		sum.Counts[n] += count
	}
	sum.Sum += h.Sum
}
