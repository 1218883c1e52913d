package redis

import (
	"context"

	"github.com/tenantedge/tenantedge/edge/channel"
	"github.com/tenantedge/tenantedge/edge/channel/internal/wire"
)

const (
	// batchSize bounds the topics of one batch.
	batchSize = 500
	// dueAtLeast topics of a link are renewed at each beat, and all of them within
	// dueWithin beats.
	dueAtLeast, dueWithin = 64, 12
)

// topic is a subscription, queue or membership that a host has or is to have.
type topic struct {
	wire.Topic
	line      *line
	name      string
	uses      int
	confirmed bool // the host has confirmed it
	sent      bool // sent to the host, which may have it
	queued    bool // it is in dirty
	inBatch   bool // in a batch that the host has not confirmed yet
	wanted    bool // its batch adds it; otherwise the batch removes it
	muted     bool // messages are dropped: another link delivers them, or the topic is unused
	waiter    *waiter
	origin    *topic // during a move: the topic at the old link
}

// waiter is an event that callers wait for; err is set before done is closed.
type waiter struct {
	done chan struct{}
	err  error
}

func newWaiter() *waiter { return &waiter{done: make(chan struct{})} }

func (w *waiter) wait(ctx context.Context) error {
	select {
	case <-w.done:
		return w.err
	case <-ctx.Done():
		return waitError(ctx)
	}
}

func (w *waiter) release(err error) {
	w.err = err
	close(w.done)
}

func (tp *topic) release(err error) {
	if tp.waiter != nil {
		tp.waiter.release(err)
		tp.waiter = nil
	}
}

// attach counts a use of a topic. It returns the waiter for the host's
// confirmation, nil if the topic is confirmed.
func (k *link) attach(l *line, t wire.Topic, name string) *waiter {
	tp := k.topics[name]
	if tp == nil {
		tp = &topic{Topic: t, name: name}
		k.topics[name] = tp
	}
	if tp.uses++; tp.uses == 1 {
		tp.confirmed = tp.confirmed && tp.line == l
		tp.line, tp.muted = l, false
	}
	if tp.confirmed && !tp.inBatch {
		return nil
	}
	k.enqueue(tp)
	if tp.waiter == nil {
		tp.waiter = newWaiter()
	}
	return tp.waiter
}

// detach uncounts a use of a topic.
func (k *link) detach(name string) {
	tp := k.topics[name]
	if tp.uses--; tp.uses > 0 {
		return
	}
	tp.muted = true
	if tp.origin != nil {
		tp.origin.muted = true
	}
	k.enqueue(tp)
}

// owner returns the line of a topic.
func (k *link) owner(tp *topic) *line {
	k.mu.Lock()
	defer k.mu.Unlock()
	return tp.line
}

func (k *link) enqueue(tp *topic) {
	if !tp.queued {
		tp.queued = true
		k.dirty = append(k.dirty, tp)
		k.wakeUp()
	}
}

// restart begins a session: all topics are to be sent. reset means that the host
// has lost those that earlier sessions sent.
func (k *link) restart(reset bool) {
	k.mu.Lock()
	defer k.mu.Unlock()
	for name, tp := range k.topics {
		tp.confirmed, tp.inBatch = false, false
		tp.sent = tp.sent && !reset
		if tp.uses == 0 && !tp.sent {
			delete(k.topics, name)
			tp.release(channel.ErrClosed)
			continue
		}
		k.enqueue(tp)
	}
}

// markLost records that the host lost memberships of tenants, and sends them again.
func (k *link) markLost(lines map[*line]error) {
	k.mu.Lock()
	for _, tp := range k.topics {
		if lines[tp.line] != nil {
			tp.confirmed = false
			k.enqueue(tp)
		}
	}
	for l, err := range lines {
		k.lost[l] = err
	}
	k.mu.Unlock()
	k.report()
}

// next returns a batch of topics to add or remove.
func (k *link) next() []*topic {
	k.mu.Lock()
	defer k.mu.Unlock()
	var batch []*topic
	for len(k.dirty) > 0 && len(batch) < batchSize {
		tp := k.dirty[0]
		k.dirty[0] = nil
		k.dirty = k.dirty[1:]
		tp.queued = false
		tp.wanted = tp.uses > 0
		switch {
		case k.topics[tp.name] != tp: // removed since
		case tp.wanted == tp.confirmed && tp.wanted == tp.sent:
			k.settle(tp)
		default:
			tp.inBatch, tp.sent = true, true
			batch = append(batch, tp)
		}
	}
	return batch
}

// confirm records that the host has applied a batch.
func (k *link) confirm(batch []*topic) {
	k.mu.Lock()
	defer k.mu.Unlock()
	for _, tp := range batch {
		if tp.inBatch {
			tp.inBatch, tp.confirmed, tp.sent = false, tp.wanted, tp.wanted
			k.settle(tp)
		}
	}
}

// settle ends the waits for a topic after a change. If the topic was changed again
// meanwhile, settle enqueues it instead.
func (k *link) settle(tp *topic) {
	switch {
	case tp.confirmed != (tp.uses > 0):
		k.enqueue(tp)
	case tp.confirmed:
		tp.release(nil)
	default:
		delete(k.topics, tp.name)
		tp.release(channel.ErrClosed)
	}
}

// dueForRenewal returns confirmed topics, in rounds over all of them. A round
// takes at most the given number of calls.
func (k *link) dueForRenewal(calls int) []*topic {
	k.mu.Lock()
	defer k.mu.Unlock()
	if len(k.round) == 0 {
		for _, tp := range k.topics {
			k.round = append(k.round, tp)
		}
	}
	var due []*topic
	calls = max(1, min(calls, dueWithin))
	n := min(len(k.round), max(dueAtLeast, (len(k.topics)+calls-1)/calls))
	for _, tp := range k.round[:n] {
		if k.topics[tp.name] == tp && tp.confirmed && tp.uses > 0 {
			due = append(due, tp)
		}
	}
	if k.round = k.round[n:]; len(k.round) == 0 {
		k.round = nil
	}
	return due
}
