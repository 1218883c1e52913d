// Package steady has a clock for what one process writes and reads again later,
// such as when a file expires. The system's clock may be moved by hours in the
// meantime: it was wrong at boot, an administrator sets it, a machine is resumed.
//
//	clock := steady.New()
//	expires := clock.Latest().Add(time.Hour)       // written to a file
//	over := !expires.After(clock.Earliest())       // asked later
//
// Durations within one process need none of this: subtract two values of
// time.Now, which hold a monotonic reading, without converting them to numbers.
package steady

import "time"

// Clock counts the time since it was made, whatever happens to the system's. It
// is safe for concurrent use.
type Clock struct {
	start time.Time // by the system's clock, as it was then
	since func() time.Duration
	wall  func() time.Time
}

// New returns a clock that shows what the system's clock shows now.
func New() *Clock {
	start := time.Now()
	return Fake(start, time.Now, func() time.Duration { return time.Since(start) })
}

// Fake returns a clock for tests. It was made at start; wall is the system's
// clock, since is how long ago start really was.
func Fake(start time.Time, wall func() time.Time, since func() time.Duration) *Clock {
	return &Clock{start.Round(0), since, wall}
}

// Now returns the time at which the clock was made and how long ago that is. It
// never goes back and never jumps.
func (c *Clock) Now() time.Time { return c.start.Add(c.since()) }

// Earliest returns Now or what the system's clock shows, whichever is earlier.
// What is removed when it is old is old by both.
func (c *Clock) Earliest() time.Time {
	now, wall := c.Now(), c.wall().Round(0)
	if wall.Before(now) {
		return wall
	}
	return now
}

// Latest returns Now or what the system's clock shows, whichever is later. What
// is to last for some time lasts so long by both.
func (c *Clock) Latest() time.Time {
	now, wall := c.Now(), c.wall().Round(0)
	if wall.After(now) {
		return wall
	}
	return now
}
