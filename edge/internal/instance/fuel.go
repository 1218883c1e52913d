package instance

import (
	"context"
	"errors"
	"time"

	"github.com/tetratelabs/wazero"
	"github.com/tetratelabs/wazero/api"

	"github.com/tenantedge/tenantedge/edge/internal/meter"
	"github.com/tenantedge/tenantedge/edge/stats"
	"github.com/tenantedge/tenantedge/hostfuncs"
)

// grant is what one call may use. Fuel is handed out in slices, at each of
// which time and cancellation are looked at: a guest that spins holds up the
// garbage collector for one slice at most.
type grant struct {
	budget  uint64
	allowed time.Duration
	ends    time.Time  // zero: no clock was read yet; most calls need none
	stopped stats.Trap // why there was no further slice
}

// begin readies the meter's counters for a call. After a plain call the limit
// and the depth, which is zero when all functions have returned, are what they
// are to be.
func (i *Instance) begin(budget uint64, allowed time.Duration) {
	i.grant = grant{budget: budget, allowed: allowed}
	i.fuel.Set(0)
	if limit := min(meter.DefaultSlice, budget); i.ready != limit {
		i.depth.Set(0)
		i.limit.Set(limit)
		i.ready = limit
	}
}

// perLength is the length of an event that is worth a call's fuel and time once
// more.
const perLength = 1 << 20

// extend allows for the length of an event: to read 16 MiB takes its time, most
// of all on a busy machine.
func (i *Instance) extend(length int) {
	times := 1 + float64(length)/perLength
	const most = 1 << 62
	more := time.Duration(min(float64(i.allowed)*times, most)) - i.allowed
	i.budget = uint64(min(float64(i.budget)*times, most))
	i.allowed += more
	if !i.ends.IsZero() {
		i.ends = i.ends.Add(more)
	}
}

// refill answers the guest that has used so much: with a higher limit, or with
// one that stops it.
func (i *Instance) refill(used uint64) uint64 {
	const stop = 0
	i.ready = 0
	if used >= i.budget {
		i.stopped = stats.TrapFuel
		return stop
	}
	now := time.Now()
	i.startClock(now)
	err := i.call.Context().Err()
	switch {
	case errors.Is(err, context.Canceled):
		i.stopped = stats.TrapCancelled
		return stop
	case err != nil || now.After(i.ends):
		i.stopped = stats.TrapDeadline
		return stop
	}
	return min(used+meter.DefaultSlice, i.budget)
}

// startClock begins the call's time at its first refill or first host function
// that waits: 30 µs late at most, and a call that needs neither reads no clock.
func (i *Instance) startClock(now time.Time) {
	if i.ends.IsZero() {
		i.ends = now.Add(i.allowed)
	}
}

// Bound implements hostfuncs.Watch: what a guest waits for ends with its time.
func (i *Instance) Bound(ctx context.Context) (context.Context, context.CancelFunc) {
	i.startClock(time.Now())
	return context.WithDeadline(ctx, i.ends)
}

// Worked implements hostfuncs.Watch: work that took the host's time and not
// the guest's fuel sends the guest to the next look at the clock.
func (i *Instance) Worked() {
	i.startClock(time.Now())
	i.ready = 0
	i.limit.Set(0)
}

// Charge implements hostfuncs.Watch. It looks at the budget and the clock as a
// guest's own code does, for code without a loop may call the host many times.
func (i *Instance) Charge(units uint64) bool {
	used := i.fuel.Get() + units
	i.fuel.Set(used)
	if used <= i.limit.Get() {
		return true
	}
	limit := i.refill(used)
	i.limit.Set(limit)
	return limit > 0
}

var _ hostfuncs.Watch = (*Instance)(nil)

// instantiateMeter adds the function that metered guests import.
func instantiateMeter(ctx context.Context, r wazero.Runtime) error {
	refill := api.GoModuleFunc(func(ctx context.Context, _ api.Module, stack []uint64) {
		// Nothing calls into a guest but with its own Call.
		stack[0] = ctx.(*hostfuncs.Call).Watch.(*Instance).refill(stack[0])
	})
	_, err := r.NewHostModuleBuilder(meter.ImportModule).NewFunctionBuilder().
		WithGoModuleFunction(refill, i64, i64).Export(meter.ImportRefill).Instantiate(ctx)
	return err
}
