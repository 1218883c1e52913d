package wire

import (
	"log/slog"
	"sync/atomic"
	"time"
)

// Counters are the counts of one tenant, see channel.Stats.
type Counters struct {
	Sent, Unsent, Received, Delivered                         atomic.Uint64
	Full, OverCapacity, Unknown, Foreign, Malformed, TooLarge atomic.Uint64
	Breaks, Resumes                                           atomic.Uint64

	broken atomic.Bool
	failed atomic.Int64 // when the last send failed, Unix time in nanoseconds; 0: it succeeded

	schema      string
	logger      *slog.Logger // nil: no log
	dropsLogged interval
	failsLogged interval
}

// NewCounters returns the counters of a tenant. The logger may be nil.
func NewCounters(schema string, logger *slog.Logger) *Counters {
	return &Counters{schema: schema, logger: logger}
}

// logInterval is the least time between two log lines of one kind.
const logInterval = time.Minute

// interval limits one kind of log line to one per logInterval.
type interval struct{ last atomic.Int64 } // Unix time in nanoseconds; 0: never

var started = time.Now()

// now returns the current Unix time in nanoseconds, by the monotonic clock, so
// that setting the system's clock suppresses no log line.
func now() int64 { return started.Add(time.Since(started)).UnixNano() }

// next reports whether a line may be logged now, and if so starts the next
// interval.
func (i *interval) next() bool {
	now, last := now(), i.last.Load()
	return (last == 0 || now-last >= int64(logInterval)) && i.last.CompareAndSwap(last, now)
}

// CountSent counts one message as sent or, with an error, as unsent. Errors are
// logged at most once a minute. A tenant counts as broken after an error until a
// send succeeds or the wire recovers, and for a minute at most.
func (c *Counters) CountSent(err error) {
	if err == nil {
		c.Sent.Add(1)
		c.clearFailed()
		return
	}
	c.Unsent.Add(1)
	c.failed.Store(now())
	if c.logger != nil && c.failsLogged.next() {
		c.logger.Warn("messages of a tenant's channels cannot be sent; further failures are counted, and logged once a minute",
			"schema", c.schema, "unsent", c.Unsent.Load(), "error", err)
	}
}

func (c *Counters) clearFailed() {
	if c.failed.Load() != 0 { // read first: senders share the cache line
		c.failed.Store(0)
	}
}

// SetBroken notes whether the wire is broken, and reports whether that is a
// change.
func (c *Counters) SetBroken(broken bool) (changed bool) {
	if c.broken.Swap(broken) == broken {
		return false
	}
	if broken {
		c.Breaks.Add(1)
	} else {
		c.Resumes.Add(1)
		c.clearFailed()
	}
	return true
}

// Broken reports whether the wire is broken, or the last send failed within a
// minute.
func (c *Counters) Broken() bool {
	failed := c.failed.Load()
	return c.broken.Load() || failed != 0 && now()-failed < int64(logInterval)
}

// CountDropped adds n to one of the counters of dropped messages, and logs all
// of these at most once a minute.
func (c *Counters) CountDropped(kind *atomic.Uint64, n uint64) {
	if n == 0 {
		return
	}
	kind.Add(n)
	if c.logger == nil || !c.dropsLogged.next() {
		return
	}
	c.logger.Warn("messages of a tenant's channels were dropped; further drops are counted, and logged once a minute",
		"schema", c.schema, "receiver_full", c.Full.Load(), "over_capacity", c.OverCapacity.Load(),
		"other_tenant", c.Foreign.Load(), "malformed", c.Malformed.Load(), "too_large", c.TooLarge.Load())
}
