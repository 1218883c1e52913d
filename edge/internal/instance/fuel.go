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

// grant is what one call may use. Fuel is granted in slices, and each refill
// checks the deadline and cancellation. So a guest in a loop delays the garbage
// collector by one slice at most.
type grant struct {
	budget  uint64
	allowed time.Duration
	ends    time.Time  // zero: the clock was not read yet; most calls do not need it
	stopped stats.Trap // why the last refill was denied
}

// begin sets the meter's counters for a call. After a call without a refill,
// limit has its initial value, and depth is zero since all functions have
// returned.
func (i *Instance) begin(budget uint64, allowed time.Duration) {
	i.grant = grant{budget: budget, allowed: allowed}
	i.fuel.Set(0)
	if limit := min(meter.DefaultSlice, budget); i.ready != limit {
		i.depth.Set(0)
		i.limit.Set(limit)
		i.ready = limit
	}
}

// perLength is the length of an event for which a call gets its fuel and time
// once more.
const perLength = 1 << 20

// extend extends the grant for the length of an event: parsing 16 MiB takes
// time.
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

// refill returns the next limit for a guest that has used so much fuel: a
// higher one, or one that stops it.
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

// startClock starts the call's deadline at its first refill or waiting host
// function: 30 µs late at most. Other calls do not read the clock.
func (i *Instance) startClock(now time.Time) {
	if i.ends.IsZero() {
		i.ends = now.Add(i.allowed)
	}
}

// Bound implements hostfuncs.Watch: the wait of a host function ends at the
// call's deadline.
func (i *Instance) Bound(ctx context.Context) (context.Context, context.CancelFunc) {
	i.startClock(time.Now())
	return context.WithDeadline(ctx, i.ends)
}

// Worked implements hostfuncs.Watch: after work that took the host's time but
// no fuel, the guest's next check refills, which checks the clock.
func (i *Instance) Worked() {
	i.startClock(time.Now())
	i.ready = 0
	i.limit.Set(0)
}

// Charge implements hostfuncs.Watch. It refills as the guest's own code does,
// since code without a loop may call the host many times.
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

// Writes implements hostfuncs.Watch.
func (i *Instance) Writes(addr, n uint32) { i.memory.Mark(addr, n) }

var _ hostfuncs.Watch = (*Instance)(nil)

// instantiateMeter adds the refill function that metered guests import.
func instantiateMeter(ctx context.Context, r wazero.Runtime) error {
	refill := api.GoModuleFunc(func(ctx context.Context, _ api.Module, stack []uint64) {
		// All calls of a guest pass its own Call as context.
		stack[0] = ctx.(*hostfuncs.Call).Watch.(*Instance).refill(stack[0])
	})
	_, err := r.NewHostModuleBuilder(meter.ImportModule).NewFunctionBuilder().
		WithGoModuleFunction(refill, i64, i64).Export(meter.ImportRefill).Instantiate(ctx)
	return err
}
