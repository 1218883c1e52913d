package pace

import (
	"sync"
	"time"
)

// past is a deadline that has passed.
var past = time.Unix(1, 0)

// side is one direction of an exchange. Its transfers do not overlap.
type side struct {
	timeout time.Duration // 0: no limit
	rate    int64
	behind  time.Duration // how far the client is behind its pace
	began   time.Time
	until   time.Time // deadline of the current transfer
	alarm   *alarm    // HTTP/2
}

// begin begins a transfer of n bytes and returns its deadline.
func (s *side) begin(n int) time.Time {
	s.began = time.Now()
	s.until = s.began.Add(s.timeout - s.behind + s.duration(int64(n)))
	if s.alarm != nil {
		s.alarm.set(s.until)
	}
	return s.until
}

// finish ends a transfer of n bytes, and reports whether the alarm stopped it.
func (s *side) finish(n int64) bool {
	s.behind = max(0, s.behind+time.Since(s.began)-s.duration(n))
	return s.alarm != nil && s.alarm.clear()
}

// duration returns the time that n bytes take at the rate.
func (s *side) duration(n int64) time.Duration {
	return time.Duration(n) * time.Second / time.Duration(s.rate)
}

// watch sets an alarm for the transfers of an HTTP/2 stream, in which no deadline
// may pass while nothing is transferred. stuck is called if the alarm does not end
// a transfer.
func (s *side) watch(conn deadlines, setDeadline func(deadlines, time.Time) error, stuck func()) {
	if conn == nil || s.timeout == 0 {
		return
	}
	a := &alarm{stuck: stuck, setDeadline: func(t time.Time) { _ = setDeadline(conn, t) }}
	a.ringsAt = time.Now().Add(s.timeout / 2)
	a.mu.Lock()
	a.timer = time.AfterFunc(s.timeout/2, a.ring)
	a.mu.Unlock()
	s.alarm = a
}

// unwatch ends the alarm, and reports whether it lifted the server's deadline of
// the stream.
func (s *side) unwatch() bool {
	if s.alarm == nil {
		return false
	}
	return s.alarm.end()
}

// alarm stops a transfer of a stream at its deadline. It rings for the first time
// before the deadline that the server sets for each stream, and lifts that one,
// since a request may last longer than a transfer. So short requests cost one
// timer.
type alarm struct {
	setDeadline func(time.Time)
	stuck       func()

	mu      sync.Mutex
	timer   *time.Timer
	ringsAt time.Time // zero: never
	until   time.Time // deadline of the transfer; zero: none
	expired bool
	lifted  bool
	ended   bool
}

// set begins a transfer.
func (a *alarm) set(until time.Time) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.until = until
	if a.ringsAt.IsZero() || until.Before(a.ringsAt) {
		a.ringAt(until)
	}
}

func (a *alarm) ringAt(t time.Time) {
	a.ringsAt = t
	a.timer.Reset(time.Until(t))
}

// clear ends a transfer, and reports whether the alarm stopped it.
func (a *alarm) clear() bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.until = time.Time{}
	return a.expired
}

// ring holds the lock while it sets deadlines, so that none is set after end: the
// stream ends with the handler.
func (a *alarm) ring() {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.ringsAt = time.Time{}
	switch {
	case a.ended:
	case a.expired:
		if !a.until.IsZero() {
			a.stuck()
		}
	case !a.until.IsZero() && !time.Now().Before(a.until):
		a.expired = true
		a.setDeadline(past)
		a.ringAt(time.Now().Add(hangUpAfter))
	default:
		if !a.lifted {
			a.lifted = true
			a.setDeadline(time.Time{})
		}
		if !a.until.IsZero() {
			a.ringAt(a.until)
		}
	}
}

func (a *alarm) end() bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.ended = true
	a.timer.Stop()
	return a.lifted
}
