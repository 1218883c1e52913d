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
type clock struct {
	now  func() time.Time
	mu   sync.Mutex
	last float64
}

func (c *clock) next() float64 {
	now := float64(c.now().UnixNano()) / 1e9
	c.mu.Lock()
	defer c.mu.Unlock()
	c.last = max(now, math.Nextafter(c.last, math.Inf(1)))
	return c.last
}

// formatTime writes a time as Python's repr does.
func formatTime(t float64) string { return strconv.FormatFloat(t, 'f', -1, 64) }
