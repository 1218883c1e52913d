package redis

import (
	"math"
	"strconv"
	"sync"
	"time"
)

// clock gives the scores of messages. Each is larger than the one before, so
// that what a process sends one after the other is read in that order, even
// when it all happens in what is one moment to a float64.
//
// The system's clock is read once, when the clock is first asked: if it were set
// forward by more than an expiry while the edge runs, the edge would find all
// messages and memberships of others too old, and remove them.
type clock struct {
	now   func() time.Time
	mu    sync.Mutex
	start time.Time
	last  float64
}

// time returns the time at which the clock was first asked, plus the time since.
func (c *clock) time() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	now := c.now()
	if c.start.IsZero() {
		c.start = now
	}
	return c.start.Add(now.Sub(c.start)) // by the monotonic clock
}

func (c *clock) next() float64 {
	now := float64(c.time().UnixNano()) / 1e9
	c.mu.Lock()
	defer c.mu.Unlock()
	c.last = max(now, math.Nextafter(c.last, math.Inf(1)))
	return c.last
}

// formatTime writes a time as Python's repr does.
func formatTime(t float64) string { return strconv.FormatFloat(t, 'f', -1, 64) }
