package redis

import (
	"context"
	"strconv"
	"time"

	"github.com/tenantedge/tenantedge/edge/channel"
)

const (
	// A tenant that gets more than busyBytes within busyTime moves to a lane.
	busyBytes, busyTime = 256 << 10, time.Second
	// maxLanes is how many lanes there are at each host. Further busy tenants
	// share them.
	maxLanes = 32
	// againTime is how long a tenant that could not move stays where it is.
	againTime = 5 * time.Second
)

// inflow is how much a tenant has got lately.
type inflow struct {
	since time.Time // bytes that came before are not counted
	bytes int
}

// add counts a message and reports whether the tenant is busy.
func (f *inflow) add(now time.Time, n int) bool {
	switch age := now.Sub(f.since); {
	case age < 0:
		return false
	case age > busyTime:
		f.since, f.bytes = now, 0
	}
	f.bytes += n
	return f.bytes > busyBytes
}

// A lane is a link for tenants that are busy: Redis closes a connection that it
// cannot write to as fast as messages come, and other tenants must not share that
// connection.
//
// A move loses no message, repeats none and keeps their order. The lane
// subscribes to all of the tenant's topics while the old link still does; then a
// mark is published that both get. What comes before the mark counts at the old
// link, what comes after it at the lane, which holds it until the old link has
// got to the mark as well.
type move struct {
	name     string
	line     *line
	from, to *link
	left     bool // the mark arrived at from
	passed   bool // and at to
	held     []arrival
	bytes    int
}

// isolate moves a tenant from its shared link to a lane. A tenant for which there
// is no connection stays where it is.
func (l *line) isolate(from *link, mark func(ctx context.Context, host int, name string) error) {
	to, ready := l.lane(from.host)
	defer l.isolated(to)
	if ready != nil && ready.wait(l.ctx) != nil {
		return
	}
	m, waits := l.depart(from, to)
	if m == nil {
		return
	}
	for _, w := range waits {
		if w.wait(l.ctx) != nil {
			return // the lane failed, which ended the move, or the layer closes
		}
	}
	if err := mark(l.ctx, from.host, m.name); err != nil {
		l.mu.Lock()
		if l.moves[m.name] == m {
			m.end(broken(err))
		}
		l.mu.Unlock()
		l.report()
		return
	}
	m.cut()
}

// lane returns a lane at a host, counts the tenant as one of its users, and
// returns what to wait for until the lane works.
func (w *links) lane(host int) (*link, *waiter) {
	w.mu.Lock()
	defer w.mu.Unlock()
	var best *link
	for _, k := range w.lanes[host] {
		if best == nil || k.tenants < best.tenants {
			best = k
		}
	}
	if best == nil || best.tenants > 0 && len(w.lanes[host]) < maxLanes {
		best = w.newLink(host, false)
		w.lanes[host] = append(w.lanes[host], best)
	}
	best.tenants++
	best.start()
	if best.whole {
		return best, nil
	}
	if best.ready == nil {
		best.ready = newWaiter()
	}
	return best, best.ready
}

// isolated ends what lane and isolate began.
func (l *line) isolated(to *link) {
	l.mu.Lock()
	defer l.mu.Unlock()
	to.tenants--
	to.poke()
	l.isolating = false
	l.inflow = inflow{since: time.Now().Add(againTime)}
}

// depart begins a move, if the tenant and both links are still there. It returns
// what to wait for until the lane knows the tenant's topics.
func (l *line) depart(from, to *link) (*move, []*waiter) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.users == 0 || l.at[from.host] != from || l.moving != nil || from.down != nil || !to.whole {
		return nil, nil
	}
	l.moved++
	m := &move{name: strconv.FormatUint(l.moved, 10), line: l, from: from, to: to}
	var waits []*waiter
	for _, old := range from.topics {
		if old.line == l && old.uses > 0 {
			if w := to.adopt(old); w != nil {
				waits = append(waits, w)
			}
		}
	}
	l.moving, l.moves[m.name] = m, m
	l.at[from.host] = to
	from.tenants--
	to.tenants++
	return m, waits
}

// adopt copies a topic of another link, with those who wait for it. It returns
// what to wait for until the host knows of it, nil if it does.
func (k *link) adopt(old *topic) *waiter {
	tp := k.topics[old.name]
	if tp == nil {
		tp = &topic{Topic: old.Topic, name: old.name}
		k.topics[tp.name] = tp
	}
	tp.release(channel.ErrClosed) // for a use that has ended
	tp.line, tp.uses, tp.waiter, tp.twin = old.line, old.uses, old.waiter, old
	// Messages of a topic that is not yet known may be missed, not repeated.
	tp.mute, old.mute, old.waiter = old.known, !old.known, nil
	if tp.known && !tp.inBatch {
		tp.release(nil)
		return nil
	}
	k.enqueue(tp)
	if tp.waiter == nil {
		tp.waiter = newWaiter()
	}
	return tp.waiter
}

// cut ends the old link's subscriptions: Redis has published the mark.
func (m *move) cut() {
	w := m.line.links
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.moves[m.name] == m {
		m.unsubscribe()
	}
}

func (m *move) unsubscribe() {
	for _, tp := range m.from.topics {
		if tp.line == m.line && tp.uses > 0 {
			tp.uses = 0
			m.from.enqueue(tp)
		}
	}
}

// crossed takes note of a mark that arrived at a link.
func (k *link) crossed(name string) {
	k.mu.Lock()
	defer k.mu.Unlock()
	m := k.moves[name]
	if m == nil || k != m.from && k != m.to {
		return
	}
	if k == m.from {
		m.left = true
	} else {
		m.passed = true
	}
	for _, tp := range k.topics {
		if tp.line == m.line {
			tp.mute = k == m.from || tp.uses == 0
		}
	}
	if m.left && m.passed {
		m.end(nil)
	}
}

// end ends a move. With an error, messages may have been lost and receivers are
// to be told.
func (m *move) end(err error) {
	l := m.line
	delete(l.moves, m.name)
	l.moving = nil
	m.unsubscribe()
	for _, tp := range m.from.topics {
		if tp.line == l {
			tp.mute = true
		}
	}
	for _, tp := range m.to.topics {
		if tp.line == l {
			tp.mute, tp.twin = tp.uses == 0, nil
		}
	}
	for _, a := range m.held {
		l.inbox.put(a)
	}
	if err != nil && m.to.down == nil {
		m.to.lost[l] = err
		m.to.poke()
	}
}

// hand gives a tenant a message that came by a link, in its turn.
func (k *link) hand(l *line, a arrival) {
	m := l.moving
	if m == nil || k != m.to || m.left {
		l.inbox.put(a)
		return
	}
	if m.bytes += len(a.data); m.bytes > inboxBytes && len(m.held) > 0 {
		l.inbox.overflow()
		return
	}
	m.held = append(m.held, a)
}
