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
	c.hasTimer = true
	set := c.endpoint.set
	set.mu.Lock()
	defer set.mu.Unlock()
	if set.alarms == nil {
		set.alarms = map[*Consumer]*alarm{}
	}
	set.alarms[c] = a
	a.timer = time.AfterFunc(d, a.fire)
}

// stopTimer stops the timer, if one is set. The caller holds c.mu.
func (c *Consumer) stopTimer() {
	if !c.hasTimer {
		return
	}
	c.hasTimer = false
	set := c.endpoint.set
	set.mu.Lock()
	defer set.mu.Unlock()
	set.alarms[c].timer.Stop()
	delete(set.alarms, c)
}

// isCurrent reports whether a is the current timer. The caller holds c.mu.
func (c *Consumer) isCurrent(a *alarm) bool {
	if !c.hasTimer {
		return false
	}
	set := c.endpoint.set
	set.mu.Lock()
	defer set.mu.Unlock()
	return set.alarms[c] == a
}

// clearFired reports whether a, which has fired, is still the current timer, and if so
// clears it.
func (c *Consumer) clearFired(a *alarm) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	set := c.endpoint.set
	set.mu.Lock()
	defer set.mu.Unlock()
	if set.alarms[c] != a {
		return false
	}
	delete(set.alarms, c)
	c.hasTimer = false
	return true
}

// fire queues the timer's event, even if maxWaiting events wait. At most one timer
// event waits: if one of an earlier timer does, it becomes that of a.
func (a *alarm) fire() {
	c := a.consumer
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.ended || !c.isCurrent(a) {
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
