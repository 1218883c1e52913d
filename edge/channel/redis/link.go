package redis

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"sync"
	"time"

	"github.com/tenantedge/tenantedge/edge/channel"
)

const (
	// Between two attempts to reach a host that does not answer.
	backoffFirst, backoffLast = 50 * time.Millisecond, 5 * time.Second
	// lingerTime is how long a tenant's connections stay once its last channel
	// has closed.
	lingerTime = 10 * time.Second
	// goodbye is how long Close may take to tell a host what ended.
	goodbye = 3 * time.Second
	// batchSize is how many topics are told in one go.
	batchSize = 500
	// dueAtLeast is how many topics a host is asked for at each beat, if it has
	// so many.
	dueAtLeast = 64
)

// errIdle ends a session that nobody needs any more.
var errIdle = errors.New("nothing to do")

// protocol is what differs between the two layers.
type protocol interface {
	// place returns under which name, at which host, the wire wants to know
	// of a topic; false if it does not.
	place(t channel.Topic) (name string, host int, ok bool)
	// session connects to the link's host, tells it the topics, and hands
	// over messages until something fails or ctx ends.
	session(ctx context.Context, k *link) error
}

// line is one tenant's part of a layer: its own connections, so that nothing
// another tenant does delays or drops its messages.
type line struct {
	local    *channel.Local
	protocol protocol
	ctx      context.Context // ends when the layer is closed for good
	cancel   context.CancelFunc
	linger   time.Duration
	notify   sync.Mutex // one report at a time; before mu

	mu      sync.Mutex
	links   []*link // one for each host
	told    error   // what receivers have been told last
	users   int
	closing bool
}

// link is a line's connection to one host, kept up by a goroutine while there
// are users. What the host should know of is reconciled with what it knows:
// callers change the one, the session's goroutine the other, in batches.
type link struct {
	*line
	host   int
	outage *outage
	wake   chan struct{}

	// Under line.mu.
	topics map[string]*topic
	dirty  []*topic
	round  []*topic      // those whose turn is yet to come, see due
	done   chan struct{} // closed when the goroutine has ended; nil before the first
	runs   bool
	down   error // why it does not work; nil also while it starts
}

// topic is what a host should know, or knows.
type topic struct {
	channel.Topic
	name    string
	uses    int
	known   bool // the host has confirmed it
	told    bool // the host may know of it
	queued  bool // it is in dirty
	inBatch bool
	wish    bool // what the batch it is in asks for
	waiter  *waiter
}

// waiter is what callers wait for: err is set before done is closed.
type waiter struct {
	done chan struct{}
	err  error
}

func (w *waiter) wait(ctx context.Context) error {
	select {
	case <-w.done:
		return w.err
	case <-ctx.Done():
		return late(ctx)
	}
}

func newLine(p protocol, hosts []*outage) *line {
	l := &line{protocol: p, linger: lingerTime}
	l.ctx, l.cancel = context.WithCancel(context.Background())
	for i, o := range hosts {
		l.links = append(l.links, &link{line: l, host: i, outage: o, wake: make(chan struct{}, 1), topics: map[string]*topic{}})
	}
	return l
}

// Attach implements [channel.Uplink].
func (l *line) Attach(t channel.Topic) func(context.Context) error {
	name, host, ok := l.protocol.place(t)
	l.mu.Lock()
	defer l.mu.Unlock()
	l.users++
	// A channel that opens while a host is down, or while the others still
	// believe so, would not be told of the break: it is refused.
	var refusal error
	if t.Group == "" {
		refusal = l.told
	}
	for _, k := range l.links {
		k.start()
		if t.Group == "" && k.down != nil {
			refusal = k.down
		}
	}
	refuse := func(context.Context) error { return refusal }
	if !ok {
		if refusal != nil {
			return refuse
		}
		return nil
	}
	k := l.links[host]
	tp := k.topics[name]
	if tp == nil {
		tp = &topic{Topic: t, name: name}
		k.topics[name] = tp
	}
	tp.uses++
	if tp.known && !tp.inBatch && refusal == nil {
		return nil
	}
	k.enqueue(tp)
	if k.down != nil {
		refusal = k.down
	}
	if refusal != nil {
		return refuse
	}
	if tp.waiter == nil {
		tp.waiter = &waiter{done: make(chan struct{})}
	}
	return tp.waiter.wait
}

// Detach implements [channel.Uplink].
func (l *line) Detach(t channel.Topic) {
	name, host, ok := l.protocol.place(t)
	l.mu.Lock()
	defer l.mu.Unlock()
	l.users--
	if ok {
		k := l.links[host]
		tp := k.topics[name]
		if tp.uses--; tp.uses == 0 {
			k.enqueue(tp)
		}
	}
	if l.users == 0 {
		for _, k := range l.links {
			k.poke()
		}
	}
}

func (k *link) enqueue(tp *topic) {
	if !tp.queued {
		tp.queued = true
		k.dirty = append(k.dirty, tp)
		k.poke()
	}
}

func (k *link) poke() {
	select {
	case k.wake <- struct{}{}:
	default:
	}
}

// start makes sure that the link's goroutine runs.
func (k *link) start() {
	if k.runs || k.ctx.Err() != nil {
		return
	}
	before := k.done
	k.runs, k.done = true, make(chan struct{})
	go k.run(before, k.done)
}

func (k *link) run(before, done chan struct{}) {
	defer close(done)
	defer k.abandon()
	if before != nil {
		<-before
	}
	pause := backoffFirst
	for {
		err := k.protocol.session(k.ctx, k)
		if k.ctx.Err() != nil || errors.Is(err, errIdle) {
			return
		}
		if k.fail(err) {
			pause = backoffFirst
		}
		select {
		case <-time.After(pause/2 + rand.N(pause/2)):
		case <-k.ctx.Done():
			return
		}
		pause = min(2*pause, backoffLast)
	}
}

// abandon ends all waits once the layer is closed.
func (k *link) abandon() {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.ctx.Err() != nil {
		for _, tp := range k.topics {
			tp.release(channel.ErrClosed)
		}
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

// confirm says that the host did what the batch asked for.
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

func (tp *topic) release(err error) {
	if tp.waiter != nil {
		tp.waiter.err = err
		close(tp.waiter.done)
		tp.waiter = nil
	}
}

// due returns topics that the host has confirmed, others each time until all
// have had their turn: so many that this takes the given number of calls, and
// never few.
func (k *link) due(calls int) []*topic {
	k.mu.Lock()
	defer k.mu.Unlock()
	if len(k.round) == 0 {
		for _, tp := range k.topics {
			k.round = append(k.round, tp)
		}
	}
	var due []*topic
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

// idle tells whether nobody needs the link now; with final, the link is then
// stopped, until someone starts it again.
func (k *link) idle(final bool) bool {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.users > 0 || len(k.topics) > 0 {
		return false
	}
	if final {
		k.runs, k.down = false, nil
	}
	return true
}

// keep tells the host what changes, by the protocol's apply, until that fails
// or nobody needs the link. It calls beat at each tick.
func (k *link) keep(ctx context.Context, tick <-chan time.Time, beat func(context.Context) error, apply func(context.Context, []*topic) error) error {
	var whole bool
	for {
		select {
		case <-tick: // also while callers change something all the time
			if err := beat(ctx); err != nil {
				return err
			}
		default:
		}
		if batch := k.next(); len(batch) > 0 {
			if err := apply(ctx, batch); err != nil {
				return err
			}
			k.confirm(batch)
			continue
		}
		if !whole {
			whole = true
			k.up()
		}
		var late <-chan time.Time
		if k.idle(false) {
			if k.isClosing() {
				k.idle(true)
				return errIdle
			}
			late = time.After(k.linger)
		}
		select {
		case <-k.wake:
		case <-tick:
			if err := beat(ctx); err != nil {
				return err
			}
		case <-late:
			if k.idle(true) {
				return errIdle
			}
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
}

func (k *link) isClosing() bool {
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.closing
}

// up says that the session is whole: the host knows all.
func (k *link) up() {
	k.mu.Lock()
	again := k.down != nil
	k.down = nil
	k.mu.Unlock()
	if again {
		k.outage.ends(k.host)
	}
	k.report()
}

// fail says that the session ended. It returns whether it had been whole.
func (k *link) fail(err error) bool {
	err = fmt.Errorf("%w: host %d: %w", channel.ErrBroken, k.host+1, err)
	k.mu.Lock()
	was := k.down == nil
	k.down = err
	for _, tp := range k.topics {
		tp.known, tp.inBatch = false, false
		tp.release(err)
	}
	k.mu.Unlock()
	if was {
		k.outage.begins(err)
	}
	k.report()
	return was
}

// report tells the tenant's receivers whether all hosts work.
func (l *line) report() {
	l.notify.Lock()
	defer l.notify.Unlock()
	l.mu.Lock()
	var err error
	for _, k := range l.links {
		if k.down != nil {
			err = k.down
		}
	}
	l.told = err
	l.mu.Unlock()
	l.local.Interrupt(err)
}

// closeLines closes them together: a host that does not answer keeps each of
// them waiting.
func closeLines[S interface{ wire() *line }](scopes []S) {
	var all sync.WaitGroup
	for _, s := range scopes {
		all.Go(s.wire().close)
	}
	all.Wait()
}

// close takes what is left off the wire, as far as the hosts answer, and ends
// all goroutines. The tenant's channels must be closed before.
func (l *line) close() {
	l.mu.Lock()
	l.closing = true
	var ends []chan struct{}
	for _, k := range l.links {
		if k.down == nil && k.runs {
			ends = append(ends, k.done)
		}
		k.poke()
	}
	l.mu.Unlock()
	late := time.After(goodbye)
	for _, end := range ends {
		select {
		case <-end:
		case <-late:
			l.cancel()
			<-end
		}
	}
	l.cancel()
	for _, k := range l.links {
		l.mu.Lock()
		done := k.done
		l.mu.Unlock()
		if done != nil {
			<-done
		}
	}
}
