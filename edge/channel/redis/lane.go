package redis

import (
	"context"
	"strconv"
	"time"

	"github.com/tenantedge/tenantedge/edge/channel"
)

const (
	// A tenant that receives more than busyBytes within busyTime moves to a lane.
	busyBytes, busyTime = 256 << 10, time.Second
	// maxLanes bounds the lanes at each host; tenants share them if necessary.
	maxLanes = 32
	// retryTime is the minimum time between two attempts to move a tenant.
	retryTime = 5 * time.Second
)

// traffic is how much a tenant has received recently.
type traffic struct {
	since time.Time // start of the count
	bytes int
}

// add counts a message and reports whether the tenant is busy.
func (f *traffic) add(now time.Time, n int) bool {
	switch age := now.Sub(f.since); {
	case age < 0:
		return false
	case age > busyTime:
		f.since, f.bytes = now, 0
	}
	f.bytes += n
	return f.bytes > busyBytes
}

// move moves a tenant from its shared link to a lane: a link for tenants with much
// traffic. Redis closes a connection that does not read as fast as messages are
// published, and other tenants must not depend on that connection.
//
// A move loses no message, repeats none and keeps the order. The lane subscribes
// to all topics of the tenant while the old link is still subscribed; then a mark
// is published, which both links receive. Messages before the mark are delivered
// from the old link, messages after it from the lane, which buffers them until the
// old link has received the mark too.
type move struct {
	name       string
	line       *line
	from, to   *link
	fromMarked bool        // from received the mark
	toMarked   bool        // to received the mark
	buffered   []published // by the lane, until from is marked
	bytes      int         // of buffered
}

// isolate moves a tenant from its shared link to a lane. If the lane cannot
// connect, the tenant keeps its link.
func (l *line) isolate(from *link, mark func(ctx context.Context, host int, name string) error) {
	to, ready := l.pickLane(from.host)
	defer l.endIsolation(to)
	if ready != nil && ready.wait(l.ctx) != nil {
		return
	}
	m, waits := l.beginMove(from, to)
	if m == nil {
		return
	}
	for _, w := range waits {
		if w.wait(l.ctx) != nil {
			return // the lane failed, which ended the move, or the layer is closing
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
	m.unsubscribeOld()
}

// pickLane returns a lane at a host, with the tenant counted, and the waiter for
// the lane, nil if it works.
func (w *links) pickLane(host int) (*link, *waiter) {
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
	if best.synced {
		return best, nil
	}
	if best.ready == nil {
		best.ready = newWaiter()
	}
	return best, best.ready
}

// endIsolation reverses the count of pickLane, and allows the next isolate after
// retryTime.
func (l *line) endIsolation(to *link) {
	l.mu.Lock()
	defer l.mu.Unlock()
	to.tenants--
	to.wakeUp()
	l.isolating = false
	l.traffic = traffic{since: time.Now().Add(retryTime)}
}

// beginMove begins a move, if the tenant still uses from and both links work. It
// returns the waiters for the topics at the lane.
func (l *line) beginMove(from, to *link) (*move, []*waiter) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.users == 0 || l.current[from.host] != from || l.moving != nil || from.down != nil || !to.synced {
		return nil, nil
	}
	l.moveCount++
	m := &move{name: strconv.FormatUint(l.moveCount, 10), line: l, from: from, to: to}
	var waits []*waiter
	for _, old := range from.topics {
		if old.line == l && old.uses > 0 {
			if w := to.adopt(old); w != nil {
				waits = append(waits, w)
			}
		}
	}
	l.moving, l.moves[m.name] = m, m
	l.current[from.host] = to
	from.tenants--
	to.tenants++
	return m, waits
}

// adopt copies a topic, and its waiter, from another link. It returns the waiter
// for the host's confirmation, nil if the topic is confirmed.
func (k *link) adopt(old *topic) *waiter {
	tp := k.topics[old.name]
	if tp == nil {
		tp = &topic{Topic: old.Topic, name: old.name}
		k.topics[tp.name] = tp
	}
	tp.release(channel.ErrClosed) // of an earlier use
	tp.line, tp.uses, tp.waiter, tp.origin = old.line, old.uses, old.waiter, old
	// A topic that is not confirmed at the old link may miss messages, but must
	// not repeat them.
	tp.muted, old.muted, old.waiter = old.confirmed, !old.confirmed, nil
	if tp.confirmed && !tp.inBatch {
		tp.release(nil)
		return nil
	}
	k.enqueue(tp)
	if tp.waiter == nil {
		tp.waiter = newWaiter()
	}
	return tp.waiter
}

// unsubscribeOld ends the old link's subscriptions, after the mark was published.
func (m *move) unsubscribeOld() {
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

// marked records that a link received the mark of a move.
func (k *link) marked(name string) {
	k.mu.Lock()
	defer k.mu.Unlock()
	m := k.moves[name]
	if m == nil || k != m.from && k != m.to {
		return
	}
	if k == m.from {
		m.fromMarked = true
	} else {
		m.toMarked = true
	}
	for _, tp := range k.topics {
		if tp.line == m.line {
			tp.muted = k == m.from || tp.uses == 0
		}
	}
	if m.fromMarked && m.toMarked {
		m.end(nil)
	}
}

// end ends a move. With an error, messages may have been lost and the receivers
// are notified.
func (m *move) end(err error) {
	l := m.line
	delete(l.moves, m.name)
	l.moving = nil
	m.unsubscribe()
	for _, tp := range m.from.topics {
		if tp.line == l {
			tp.muted = true
		}
	}
	for _, tp := range m.to.topics {
		if tp.line == l {
			tp.muted, tp.origin = tp.uses == 0, nil
		}
	}
	for _, p := range m.buffered {
		l.inbox.put(p)
	}
	if err != nil && m.to.down == nil {
		m.to.lost[l] = err
		m.to.wakeUp()
	}
}

// deliver delivers a message that a link received, in order.
func (k *link) deliver(l *line, p published) {
	m := l.moving
	if m == nil || k != m.to || m.fromMarked {
		l.inbox.put(p)
		return
	}
	if m.bytes += len(p.data); m.bytes > inboxBytes && len(m.buffered) > 0 {
		l.inbox.overflow()
		return
	}
	m.buffered = append(m.buffered, p)
}
