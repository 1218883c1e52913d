package consumer

import (
	"time"

	"github.com/tenantedge/tenantedge/edge/internal/instance"
)

// alarm is a timer that a guest has set.
type alarm struct {
	consumer *Consumer
	timer    *time.Timer
}

// setTimer replaces the timer. A duration of 0 or less only stops the current one.
func (c *Consumer) setTimer(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.stopTimer()
	if d <= 0 || c.ended {
		return
	}
	a := &alarm{consumer: c}
	c.timed = true
	q := c.place.set
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.alarms == nil {
		q.alarms = map[*Consumer]*alarm{}
	}
	q.alarms[c] = a
	a.timer = time.AfterFunc(d, a.ring)
}

// stopTimer stops the timer, if one is set. The caller holds c.mu.
func (c *Consumer) stopTimer() {
	if !c.timed {
		return
	}
	c.timed = false
	q := c.place.set
	q.mu.Lock()
	defer q.mu.Unlock()
	q.alarms[c].timer.Stop()
	delete(q.alarms, c)
}

// isSet reports whether a is the current timer. The caller holds c.mu.
func (c *Consumer) isSet(a *alarm) bool {
	if !c.timed {
		return false
	}
	q := c.place.set
	q.mu.Lock()
	defer q.mu.Unlock()
	return q.alarms[c] == a
}

// rung reports whether a, which has fired, is the current timer, and if so clears
// it. The caller holds c.mu.
func (c *Consumer) rung(a *alarm) bool {
	q := c.place.set
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.alarms[c] != a {
		return false
	}
	delete(q.alarms, c)
	c.timed = false
	return true
}

// ring queues the timer's event when the timer fires, even if maxWaiting events
// wait. At most one timer event waits: that of an earlier timer is reused.
func (a *alarm) ring() {
	c := a.consumer
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.ended || !c.isSet(a) {
		return
	}
	if last := c.events; last != nil {
		for e := last.next; ; e = e.next {
			if e.alarm != nil {
				e.alarm = a
				return
			}
			if e == last {
				break
			}
		}
	}
	e := newEvent(instance.SocketTimer)
	e.alarm = a
	c.queue(e)
}
