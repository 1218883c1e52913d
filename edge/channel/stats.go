package channel

import (
	"log/slog"
	"sync/atomic"
	"time"
)

// Stats is what a layer or a scope has counted since it was made, and what is
// there now. Every message that is lost within this process is in one of them.
type Stats struct {
	Channels    int64 // open channels
	Memberships int64 // of open channels in groups
	Broken      int64 // tenants whose wire does not work now, or whose last send failed within a minute

	Sent      uint64 // messages sent, to channels and groups
	Received  uint64 // messages that arrived for this process
	Delivered uint64 // messages handed to receivers: one for each member

	Full         uint64 // dropped by a receiver that was full
	OverCapacity uint64 // dropped because a process, here or elsewhere, had too much unread
	Unknown      uint64 // for a channel that is gone, or whose process is
	Foreign      uint64 // arrived for one tenant and named another's channel
	Malformed    uint64 // arrived and could not be read or decrypted
	TooLarge     uint64 // arrived and was longer than allowed
	Unsent       uint64 // not sent: the wire was down or refused it, which the sender is told
	Breaks       uint64 // times the wire broke
	Resumes      uint64 // times it was whole again
}

// Add adds t to s.
func (s *Stats) Add(t Stats) {
	s.Channels += t.Channels
	s.Memberships += t.Memberships
	s.Broken += t.Broken
	s.Sent += t.Sent
	s.Received += t.Received
	s.Delivered += t.Delivered
	s.Full += t.Full
	s.OverCapacity += t.OverCapacity
	s.Unknown += t.Unknown
	s.Foreign += t.Foreign
	s.Malformed += t.Malformed
	s.TooLarge += t.TooLarge
	s.Unsent += t.Unsent
	s.Breaks += t.Breaks
	s.Resumes += t.Resumes
}

// Counters are the counts of one tenant, for a layer to add to.
type Counters struct {
	Received, OverCapacity, Unknown, Malformed, TooLarge, Breaks, Resumes atomic.Uint64

	sent, unsent             atomic.Uint64
	delivered, full, foreign atomic.Uint64
	broken                   atomic.Bool
	failed                   atomic.Int64 // when the last send failed, Unix time in nanoseconds; 0: it did not

	schema        string
	logger        *slog.Logger // nil: there is none
	logged        pause        // of drops
	loggedFailing pause        // of sends that fail
}

// logAgain is how long further drops are counted only.
const logAgain = time.Minute

// pause keeps one kind of log line from being written too often.
type pause struct{ last atomic.Int64 } // Unix time in nanoseconds; 0: never

var began = time.Now()

// moment returns the Unix time at which the process began plus the time since, in
// nanoseconds. Setting the system's clock keeps no line from the log.
func moment() int64 { return began.Add(time.Since(began)).UnixNano() }

// over reports whether a line may be written now, and begins the next pause.
func (p *pause) over() bool {
	now, last := moment(), p.last.Load()
	return (last == 0 || now-last >= int64(logAgain)) && p.last.CompareAndSwap(last, now)
}

// Sent counts one message by whether the wire took it. A failure is logged with
// its reason, once for many. The tenant counts as broken until a send succeeds or
// the wire works again, for a minute at most.
func (c *Counters) Sent(err error) {
	if err == nil {
		c.sent.Add(1)
		c.mended()
		return
	}
	c.unsent.Add(1)
	c.failed.Store(moment())
	if c.logger != nil && c.loggedFailing.over() {
		c.logger.Warn("messages of a tenant's channels cannot be sent; further failures are counted, and logged once a minute",
			"schema", c.schema, "unsent", c.unsent.Load(), "error", err)
	}
}

// mended forgets that a send failed.
func (c *Counters) mended() {
	if c.failed.Load() != 0 { // seldom: senders share the variable
		c.failed.Store(0)
	}
}

// Dropped counts n messages of one kind of loss, and has it logged: once for
// many of them, with what was counted in all.
func (c *Counters) Dropped(kind *atomic.Uint64, n uint64) {
	if n == 0 {
		return
	}
	kind.Add(n)
	if c.logger == nil || !c.logged.over() {
		return
	}
	s := c.stats()
	c.logger.Warn("messages of a tenant's channels are dropped: further ones are counted, and logged again after a minute",
		"schema", c.schema, "receiver_full", s.Full, "over_capacity", s.OverCapacity,
		"other_tenant", s.Foreign, "malformed", s.Malformed, "too_large", s.TooLarge)
}

func (c *Counters) stats() Stats {
	s := Stats{
		Sent: c.sent.Load(), Unsent: c.unsent.Load(), Received: c.Received.Load(), Delivered: c.delivered.Load(),
		Full: c.full.Load(), OverCapacity: c.OverCapacity.Load(), Unknown: c.Unknown.Load(), Foreign: c.foreign.Load(),
		Malformed: c.Malformed.Load(), TooLarge: c.TooLarge.Load(), Breaks: c.Breaks.Load(), Resumes: c.Resumes.Load(),
	}
	if failed := c.failed.Load(); c.broken.Load() || failed != 0 && moment()-failed < int64(logAgain) {
		s.Broken = 1
	}
	return s
}
