package edge

import (
	"fmt"

	"github.com/tenantedge/tenantedge/edge/internal/instance"
	"github.com/tenantedge/tenantedge/edge/internal/meter"
)

// GuestInfo says which guest a Host runs.
type GuestInfo struct {
	Digest  string `json:"digest"` // SHA-256 of its Wasm, hexadecimal
	Name    string `json:"name"`   // as the guest calls itself
	Version string `json:"version"`
}

// Report says what New, Swap and Rollback did.
type Report struct {
	Unchanged bool      `json:"unchanged"` // the guest ran already
	Reused    bool      `json:"reused"`    // it was the one before, which is kept compiled
	Guest     GuestInfo `json:"guest"`
	Previous  GuestInfo `json:"previous"` // what Rollback would go back to; empty: nothing
	Engine    Engine    `json:"engine"`
	// Missing are the optional exports that the guest lacks. For keys and paths
	// the host then answers as the default guest does; private files are
	// denied, and websockets of consumers refused.
	Missing []string `json:"missing"`
}

// Engine says how a guest is run on this machine, as was found out when it was
// loaded.
type Engine struct {
	// Reset is how its memory is put back after each request, such as
	// "fault-gate+pagemap-scan", and "none" with UnsafeNoReset.
	Reset string `json:"reset"`
	// FaultGate: the thread's count of page faults shows whether the kernel
	// must be asked which pages changed. Without it each request asks.
	FaultGate bool `json:"fault_gate"`
	// ResetRefused says why better ways to put memory back do not work here, by
	// their names.
	ResetRefused map[string]string `json:"reset_refused"`
	// FuelVersion is that of the unit of fuel: figures of different versions do
	// not compare.
	FuelVersion int `json:"fuel_version"`
	Instances   int `json:"instances"` // that were made already
	// ImageBytes is the size of the memory that every request starts from; the
	// instances share it.
	ImageBytes int `json:"image_bytes"`
	// CompileCache is what the cache did: "hit", "stored", "failed" or "off".
	CompileCache string `json:"compile_cache"`
}

// GuestStats say how the guests of a Host fare.
type GuestStats struct {
	Guest    GuestInfo `json:"guest"`
	Previous GuestInfo `json:"previous"`
	Engine   Engine    `json:"engine"`
	// Current and Parked are the guest that runs, and the one that Rollback
	// goes back to.
	Current ProgramStats `json:"current"`
	Parked  ProgramStats `json:"parked"`
	// Total adds up all guests that the Host has had.
	Total ProgramStats `json:"total"`

	Swaps       uint64 `json:"swaps"`     // that put another guest in place
	Rollbacks   uint64 `json:"rollbacks"` // likewise
	FailedSwaps uint64 `json:"failed_swaps"`
	Draining    int    `json:"draining"` // superseded guests whose last calls still run
	// Requests counts what Middleware has seen, by what became of it.
	Requests map[Result]uint64 `json:"requests"`
	// SessionsIgnored counts requests that were decided without their session,
	// which could not be read; see Config.SessionsUnavailable.
	SessionsIgnored uint64 `json:"sessions_ignored"`
	// LogWritten counts the records of what guests logged and printed, one a call,
	// and LogDropped those that exceeded Config.GuestLogRate.
	LogWritten uint64 `json:"log_written"`
	LogDropped uint64 `json:"log_dropped"`
}

// ProgramStats are the figures of one guest. The first three are of this
// moment, the others count.
type ProgramStats struct {
	Instances int `json:"instances"` // that exist
	Lent      int `json:"lent"`      // of these, in calls
	Waiting   int `json:"waiting"`   // requests that wait for one

	Calls    uint64 `json:"calls"`
	Fuel     uint64 `json:"fuel"`
	Pages    uint64 `json:"pages"`    // of memory put back
	Searches uint64 `json:"searches"` // calls after which the kernel was asked for pages
	Audits   uint64 `json:"audits"`   // comparisons of an instance with the image
	Queued   uint64 `json:"queued"`   // requests that had to wait for an instance
	Refused  uint64 `json:"refused"`  // of these, in vain
	Shrunk   uint64 `json:"shrunk"`   // instances closed because nobody needed them
	// Traps counts calls that the guest failed at, Retired instances that were
	// closed early, each by reasons that have occurred.
	Traps   map[TrapReason]uint64 `json:"traps"`
	Retired map[Retirement]uint64 `json:"retired"`
}

// Retirement says why an instance was closed early.
type Retirement = instance.Retirement

// The retirements.
const (
	RetiredPages     = instance.TooManyPages // its requests had touched so much memory that putting it back was slow
	RetiredGrowth    = instance.Grown        // its memory could not be made small again
	RetiredReset     = instance.ResetFailed  // the system failed to put its memory back
	RetiredAudit     = instance.NotPristine  // a request had left something, which is a bug
	RetiredAbandoned = instance.Abandoned    // the host panicked in the middle of a call
)

// add counts what another guest counted.
func (s *ProgramStats) add(o *ProgramStats) {
	s.Instances += o.Instances
	s.Lent += o.Lent
	s.Waiting += o.Waiting
	s.Calls += o.Calls
	s.Fuel += o.Fuel
	s.Pages += o.Pages
	s.Searches += o.Searches
	s.Audits += o.Audits
	s.Queued += o.Queued
	s.Refused += o.Refused
	s.Shrunk += o.Shrunk
	for reason, n := range o.Traps {
		s.Traps[reason] += n
	}
	for reason, n := range o.Retired {
		s.Retired[reason] += n
	}
}

func noProgramStats() ProgramStats {
	return ProgramStats{Traps: map[TrapReason]uint64{}, Retired: map[Retirement]uint64{}}
}

// stats are the figures of one guest and of its engine.
func (g *generation) stats() (ProgramStats, Engine) {
	i := g.program.Stats()
	s := ProgramStats{
		Instances: i.Instances, Lent: i.Lent, Waiting: i.Waiting,
		Calls: i.Calls, Fuel: i.Fuel, Pages: i.Pages, Searches: i.Searches,
		Audits: i.Audits, Queued: i.Queued, Refused: i.Refused, Shrunk: i.Shrunk,
		Traps: i.Traps, Retired: i.Retired,
	}
	return s, Engine{
		Reset: i.Reset, FaultGate: i.Gated, ResetRefused: i.ResetRefused, FuelVersion: meter.Version,
		Instances: i.Instances, ImageBytes: i.Memory, CompileCache: string(i.Cached),
	}
}

func (g *generation) info() GuestInfo {
	c := g.program.Configured()
	// What a guest calls itself goes into logs and metrics: a line of it is enough.
	return GuestInfo{Digest: g.program.Digest(), Name: fmt.Sprintf("%.80s", c.Name), Version: fmt.Sprintf("%.80s", c.Version)}
}

// Guest says which guest the Host runs.
func (h *Host) Guest() GuestInfo { return h.current.Load().info() }

// Report says how the guest that runs was loaded.
func (h *Host) Report() Report {
	g := h.current.Load()
	r := Report{Guest: g.info(), Missing: g.program.Missing()}
	_, r.Engine = g.stats()
	if p := h.previous.Load(); p != nil {
		r.Previous = p.info()
	}
	return r
}

// Stats returns the counters of the guests.
func (h *Host) Stats() GuestStats {
	h.ledger.Lock()
	defer h.ledger.Unlock()
	s := GuestStats{
		Total: noProgramStats(), Parked: noProgramStats(),
		Swaps: h.swaps, Rollbacks: h.rollbacks, FailedSwaps: h.failedSwaps,
		Requests: h.results.counts(), SessionsIgnored: h.ignored.Load(),
		LogWritten: h.said.written.Load(), LogDropped: h.said.dropped.Load(),
	}
	s.Total.add(&h.past)
	current, previous := h.current.Load(), h.previous.Load()
	for _, g := range h.live {
		of, engine := g.stats()
		s.Total.add(&of)
		switch {
		case g.superseded:
			s.Draining++
		case g == current:
			s.Guest, s.Engine, s.Current = g.info(), engine, of
		case g == previous:
			s.Previous, s.Parked = g.info(), of
		}
	}
	return s
}
