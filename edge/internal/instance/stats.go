package instance

import (
	"maps"

	"github.com/tenantedge/tenantedge/edge/internal/meter"
	"github.com/tenantedge/tenantedge/edge/stats"
)

// totals are the sums over all calls of a program.
type totals struct {
	usage
	traps            map[stats.Trap]uint64
	retired          map[stats.Retirement]uint64
	audits, shrunk   uint64
	queued, timedOut uint64
}

// add adds the usage of an instance and resets it.
func (t *totals) add(u *usage) {
	t.calls += u.calls
	t.fuel += u.fuel
	t.restored += u.restored
	t.callNanos.merge(&u.callNanos)
	t.callFuel.merge(&u.callFuel)
	if u.trap != "" {
		t.traps[u.trap]++
	}
	*u = usage{}
}

// NoStats returns the counters of a program without calls.
func NoStats() stats.Program {
	var none distribution
	return stats.Program{
		CallSeconds: none.seconds(), CallFuel: none.fuel(),
		Traps: map[stats.Trap]uint64{}, Retired: map[stats.Retirement]uint64{},
	}
}

// Stats returns the program's counters. Of an instance in a call, the last calls
// before it (at most 64) may be missing.
func (p *Program) Stats() stats.Program {
	q := &p.pool
	q.mu.Lock()
	defer q.mu.Unlock()
	idle := 0
	q.eachIdle(func(i *Instance) bool {
		idle++
		q.totals.add(&i.used)
		return true
	})
	return stats.Program{
		Instances: q.total, Busy: q.total - q.absent - idle, Waiting: len(q.waiting),
		Calls: q.totals.calls, Fuel: q.totals.fuel, Restored: q.totals.restored,
		Audits: q.totals.audits, Queued: q.totals.queued, TimedOut: q.totals.timedOut, Shrunk: q.totals.shrunk,
		CallSeconds: q.totals.callNanos.seconds(), CallFuel: q.totals.callFuel.fuel(),
		Traps: maps.Clone(q.totals.traps), Retired: maps.Clone(q.totals.retired),
	}
}

// Engine returns how this machine runs the program.
func (p *Program) Engine() stats.Engine {
	p.pool.mu.Lock()
	defer p.pool.mu.Unlock()
	return stats.Engine{
		FuelVersion:  meter.Version,
		Instances:    p.pool.total,
		ImageBytes:   p.size,
		CompileCache: string(p.cached),
		SetupFuel:    p.setup,
	}
}
