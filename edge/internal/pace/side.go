package pace

import (
	"sync"
	"time"
)

// past is a deadline that has passed.
var past = time.Unix(1, 0)

// side is one direction of an exchange. Transfers of one direction follow each
// other.
type side struct {
	timeout time.Duration // 0: no limit
	rate    int64
	behind  time.Duration // how far the client is behind its pace
	began   time.Time
	until   time.Time // when the transfer that began has to end
	alarm   *alarm    // HTTP/2
}

// begin returns until when a transfer of n bytes has to end.
func (s *side) begin(n int) time.Time {
	s.began = time.Now()
	s.until = s.began.Add(s.timeout - s.behind + s.worth(int64(n)))
	if s.alarm != nil {
		s.alarm.set(s.until)
	}
	return s.until
}

// finish notes a transfer of n bytes, and reports whether it was cut off by
// the alarm.
func (s *side) finish(n int64) bool {
	s.behind = max(0, s.behind+time.Since(s.began)-s.worth(n))
	return s.alarm != nil && s.alarm.clear()
}

// worth is the time that n bytes take at the pace.
func (s *side) worth(n int64) time.Duration {
	return time.Duration(n) * time.Second / time.Duration(s.rate)
}

// watch has an alarm cut off transfers, for HTTP/2, where a deadline must not
// pass while nothing is transferred. stuck is called where that does not end
// the transfer.
func (s *side) watch(conn deadlines, setDeadline func(deadlines, time.Time) error, stuck func()) {
	if conn == nil || s.timeout == 0 {
		return
	}
	a := &alarm{stuck: stuck, setDeadline: func(t time.Time) { _ = setDeadline(conn, t) }}
	a.rings = time.Now().Add(s.timeout / 2)
	a.mu.Lock()
	a.timer = time.AfterFunc(s.timeout/2, a.ring)
	a.mu.Unlock()
	s.alarm = a
}

// unwatch ends the alarm, and reports whether the server's own deadline of the
// stream was lifted.
func (s *side) unwatch() bool {
	if s.alarm == nil {
		return false
	}
	return s.alarm.end()
}

// alarm cuts off the transfer of a stream that takes too long. It first rings
// before the deadline that the server gives each stream, and lifts that deadline:
// a request may take longer than a transfer. So short requests cost one timer.
type alarm struct {
	setDeadline func(time.Time)
	stuck       func()

	mu      sync.Mutex
	timer   *time.Timer
	rings   time.Time // zero: it does not
	until   time.Time // when the transfer has to end; zero: there is none
	expired bool
	lifted  bool
	ended   bool
}

// set begins a transfer.
func (a *alarm) set(until time.Time) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.until = until
	if a.rings.IsZero() || until.Before(a.rings) {
		a.ringAt(until)
	}
}

func (a *alarm) ringAt(t time.Time) {
	a.rings = t
	a.timer.Reset(time.Until(t))
}

// clear ends a transfer, and reports whether it was cut off.
func (a *alarm) clear() bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.until = time.Time{}
	return a.expired
}

// ring holds the lock while it sets deadlines: the stream has none any more
// when the handler has returned.
func (a *alarm) ring() {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.rings = time.Time{}
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
