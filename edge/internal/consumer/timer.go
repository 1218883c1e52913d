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

// setTimer sets the timer in place of the one before.
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

// stopTimer takes the timer back; the consumer is locked.
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

// isSet reports whether a timer is still the one that is set; the consumer is
// locked.
func (c *Consumer) isSet(a *alarm) bool {
	if !c.timed {
		return false
	}
	q := c.place.set
	q.mu.Lock()
	defer q.mu.Unlock()
	return q.alarms[c] == a
}

// rung reports whether a timer that rang is still the one that is set, and forgets
// it then. The consumer is locked.
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

// ring queues the timer's event. It comes when there is no room for others, for
// there is one at most: if that of an earlier timer still waits, it is this
// one's now.
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
