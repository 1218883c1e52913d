package redis

import (
	"math"
	"strconv"
	"sync"
	"time"
)

// clock returns the scores of messages. Each score is larger than the one
// before, so that the messages of a process are read in the order in which it
// sent them, even if a float64 has one value for their times.
//
// It reads the system's clock once. If that were set forward by more than an
// expiry while the edge runs, the edge would consider all messages and memberships
// of other processes expired, and remove them.
type clock struct {
	now   func() time.Time
	mu    sync.Mutex
	start time.Time
	last  float64
}

// time returns the time of the first call plus the monotonic time since then.
func (c *clock) time() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	now := c.now()
	if c.start.IsZero() {
		c.start = now
	}
	return c.start.Add(now.Sub(c.start)) // by the monotonic clock
}

// next returns the next score.
func (c *clock) next() float64 {
	now := float64(c.time().UnixNano()) / 1e9
	c.mu.Lock()
	defer c.mu.Unlock()
	c.last = max(now, math.Nextafter(c.last, math.Inf(1)))
	return c.last
}

// formatTime formats a time as Python's repr does.
func formatTime(t float64) string { return strconv.FormatFloat(t, 'f', -1, 64) }
