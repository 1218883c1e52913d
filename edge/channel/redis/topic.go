package redis

import (
	"context"

	"github.com/tenantedge/tenantedge/edge/channel"
	"github.com/tenantedge/tenantedge/edge/channel/internal/wire"
)

const (
	// batchSize is how many topics are told in one go.
	batchSize = 500
	// A host is asked about this many of its topics at each beat, and about all
	// of them within this many beats.
	dueAtLeast, dueWithin = 64, 12
)

// topic is what a host should know, or knows.
type topic struct {
	wire.Topic
	line    *line
	name    string
	uses    int
	known   bool // the host has confirmed it
	told    bool // the host may know of it
	queued  bool // it is in dirty
	inBatch bool
	wish    bool // what the batch it is in asks for
	mute    bool // messages are dropped: they come by another link, or nothing uses the topic
	waiter  *waiter
	twin    *topic // while the tenant moves: the same topic at the link it leaves
}

// waiter is what callers wait for: err is set before done is closed.
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
		return late(ctx)
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

// use counts one more use of a topic. It returns what to wait for until the host
// knows of it, nil if it does.
func (k *link) use(l *line, t wire.Topic, name string) *waiter {
	tp := k.topics[name]
	if tp == nil {
		tp = &topic{Topic: t, name: name}
		k.topics[name] = tp
	}
	if tp.uses++; tp.uses == 1 {
		tp.known = tp.known && tp.line == l
		tp.line, tp.mute = l, false
	}
	if tp.known && !tp.inBatch {
		return nil
	}
	k.enqueue(tp)
	if tp.waiter == nil {
		tp.waiter = newWaiter()
	}
	return tp.waiter
}

// unuse counts one use less.
func (k *link) unuse(name string) {
	tp := k.topics[name]
	if tp.uses--; tp.uses > 0 {
		return
	}
	tp.mute = true
	if tp.twin != nil {
		tp.twin.mute = true
	}
	k.enqueue(tp)
}

// owner returns whose topic it is now.
func (k *link) owner(tp *topic) *line {
	k.mu.Lock()
	defer k.mu.Unlock()
	return tp.line
}

func (k *link) enqueue(tp *topic) {
	if !tp.queued {
		tp.queued = true
		k.dirty = append(k.dirty, tp)
		k.poke()
	}
}

// fresh begins a session: the host is to be told all topics. What it may still
// know from before it forgets only if forget is true.
func (k *link) fresh(forget bool) {
	k.mu.Lock()
	defer k.mu.Unlock()
	for name, tp := range k.topics {
		tp.known, tp.inBatch = false, false
		tp.told = tp.told && !forget
		if tp.uses == 0 && !tp.told {
			delete(k.topics, name)
			tp.release(channel.ErrClosed)
			continue
		}
		k.enqueue(tp)
	}
}

// forgot notes that a host lost memberships of tenants: it is told them again.
func (k *link) forgot(lines map[*line]error) {
	k.mu.Lock()
	for _, tp := range k.topics {
		if lines[tp.line] != nil {
			tp.known = false
			k.enqueue(tp)
		}
	}
	for l, err := range lines {
		k.lost[l] = err
	}
	k.mu.Unlock()
	k.report()
}

// next returns topics that the host must be told about, at most batchSize.
func (k *link) next() []*topic {
	k.mu.Lock()
	defer k.mu.Unlock()
	var batch []*topic
	for len(k.dirty) > 0 && len(batch) < batchSize {
		tp := k.dirty[0]
		k.dirty[0] = nil
		k.dirty = k.dirty[1:]
		tp.queued = false
		tp.wish = tp.uses > 0
		switch {
		case k.topics[tp.name] != tp: // was forgotten since
		case tp.wish == tp.known && tp.wish == tp.told:
			k.settle(tp)
		default:
			tp.inBatch, tp.told = true, true
			batch = append(batch, tp)
		}
	}
	return batch
}

// confirm notes that the host did what the batch asked for.
func (k *link) confirm(batch []*topic) {
	k.mu.Lock()
	defer k.mu.Unlock()
	for _, tp := range batch {
		if tp.inBatch {
			tp.inBatch, tp.known, tp.told = false, tp.wish, tp.wish
			k.settle(tp)
		}
	}
}

// settle ends the wait for a topic that is as it should be.
func (k *link) settle(tp *topic) {
	switch {
	case tp.known != (tp.uses > 0):
		k.enqueue(tp)
	case tp.known:
		tp.release(nil)
	default:
		delete(k.topics, tp.name)
		tp.release(channel.ErrClosed)
	}
}

// due returns topics that the host has confirmed, others each time until all
// have had their turn: so many that this takes the given number of calls at
// most, and never few.
func (k *link) due(calls int) []*topic {
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
		if k.topics[tp.name] == tp && tp.known && tp.uses > 0 {
			due = append(due, tp)
		}
	}
	if k.round = k.round[n:]; len(k.round) == 0 {
		k.round = nil
	}
	return due
}
