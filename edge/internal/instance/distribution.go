package instance

import (
	"slices"
	"time"

	"github.com/tenantedge/tenantedge/edge/stats"
)

// The bounds of the buckets: a call of the default guest takes some microseconds and
// some thousand units of fuel, and the limits are the user's choice.
var (
	timeBounds = [...]uint64{1e3, 2e3, 5e3, 1e4, 2e4, 5e4, 1e5, 2e5, 5e5, 1e6, 2e6, 5e6, 1e7, 2e7, 5e7, 1e8, 2e8, 5e8, 1e9} // in ns
	fuelBounds = [...]uint64{500, 1e3, 2e3, 5e3, 1e4, 2e4, 5e4, 1e5, 2e5, 5e5, 1e6, 2e6, 5e6, 1e7, 2e7, 5e7, 1e8, 2e8, 5e8} // in units
)

// distribution counts values by size, without locks or memory of its own.
type distribution struct {
	counts [len(timeBounds) + 1]uint64
	sum    uint64
}

// add counts a value. Few comparisons find a usual one.
func (d *distribution) add(v uint64, bounds *[len(timeBounds)]uint64) {
	n := 0
	for n < len(bounds) && v > bounds[n] {
		n++
	}
	d.counts[n]++
	d.sum += v
}

// merge adds the values of o.
func (d *distribution) merge(o *distribution) {
	for n := range o.counts {
		d.counts[n] += o.counts[n]
	}
	d.sum += o.sum
}

// seconds returns the distribution of times.
func (d *distribution) seconds() stats.Histogram { return d.histogram(&timeBounds, 1e9) }

// fuel returns the distribution of units of fuel.
func (d *distribution) fuel() stats.Histogram { return d.histogram(&fuelBounds, 1) }

func (d *distribution) histogram(bounds *[len(timeBounds)]uint64, per float64) stats.Histogram {
	h := stats.Histogram{Counts: slices.Clone(d.counts[:]), Sum: float64(d.sum) / per}
	for _, b := range bounds {
		h.Bounds = append(h.Bounds, float64(b)/per)
	}
	return h
}

// timedEach is the number of calls of which the first is timed: reading the clock
// twice takes 60 ns, and a call 1.3 µs. Since Stats adds up the usage of idle
// instances, the first calls after it are timed too, which makes rare calls visible.
const timedEach = 8

// epoch is a point in time since which durations are measured: time.Since takes half
// as long as time.Now.
var epoch = time.Now()

// sampled reports whether the call that is not counted yet belongs in the histogram of
// times.
func (i *Instance) sampled() bool { return i.used.calls%timedEach == 0 }

// startTiming returns the time since epoch, or 0 for a call that is not timed: neither
// always nor as a sample.
func (i *Instance) startTiming(always bool) time.Duration {
	if !always && !i.sampled() {
		return 0
	}
	return time.Since(epoch)
}
