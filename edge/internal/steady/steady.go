// Package steady has a clock for times that a process stores and reads again, such
// as the expiry of a file. The system's clock may change by hours meanwhile: it was
// wrong at boot, an administrator sets it, a machine is resumed.
//
//	clock := steady.New()
//	expires := clock.Latest().Add(time.Hour)       // written to a file
//	over := !expires.After(clock.Earliest())       // checked later
//
// Durations within a process do not need it: subtract two values of time.Now,
// which have a monotonic reading, without converting them to numbers.
package steady

import "time"

// Clock advances monotonically from the time at which it was made, whatever happens
// to the system's clock. It is safe for concurrent use.
type Clock struct {
	start time.Time // when the clock was made, by the system's clock
	since func() time.Duration
	wall  func() time.Time
}

// New returns a clock that starts with the system's time.
func New() *Clock {
	start := time.Now()
	return Fake(start, time.Now, func() time.Duration { return time.Since(start) })
}

// Fake returns a clock for tests. start is when it was made, wall returns the time
// of the system's clock, and since the time since start.
func Fake(start time.Time, wall func() time.Time, since func() time.Duration) *Clock {
	return &Clock{start.Round(0), since, wall}
}

// Now returns the time at which the clock was made plus the time since then. It
// never goes back and never jumps.
func (c *Clock) Now() time.Time { return c.start.Add(c.since()) }

// Earliest returns the earlier of Now and the system's time. Use it to expire
// things: they have expired by both clocks.
func (c *Clock) Earliest() time.Time {
	now, wall := c.Now(), c.wall().Round(0)
	if wall.Before(now) {
		return wall
	}
	return now
}

// Latest returns the later of Now and the system's time. Use it to compute an
// expiry: the thing lasts long enough by both clocks.
func (c *Clock) Latest() time.Time {
	now, wall := c.Now(), c.wall().Round(0)
	if wall.After(now) {
		return wall
	}
	return now
}
