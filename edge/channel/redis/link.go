package redis

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"time"

	"github.com/tenantedge/tenantedge/edge/channel"
)

// Between two attempts to reach a host that does not answer. There is one link to
// a host for all tenants, so that a short pause costs little.
const backoffFirst, backoffLast = 50 * time.Millisecond, 2 * time.Second

// errIdle ends a session that no tenant needs any more.
var errIdle = errors.New("nothing to do")

// link is a wire's connection to one host, kept up by a goroutine while there
// are topics. What the host should know of is reconciled with what it knows:
// callers change the one, the session's goroutine the other, in batches.
type link struct {
	*links
	host   int
	shared bool // by all tenants that have no lane
	outage *outage
	wake   chan struct{}
	failed bool // outage counts it among those that do not work; the goroutine's alone

	// Under wire.mu.
	tenants int // that have open channels, or are about to move here
	topics  map[string]*topic
	dirty   []*topic
	round   []*topic        // topics whose turn has yet to come, see due
	lost    map[*line]error // tenants of which the host forgot something, until it is told again
	done    chan struct{}   // closed when the goroutine has ended; nil before the first
	runs    bool
	whole   bool    // the host knows all
	down    error   // why it does not work; nil also while it starts
	ready   *waiter // for whole or down
}

func (w *links) newLink(host int, shared bool) *link {
	return &link{
		links: w, host: host, shared: shared, outage: w.outages[host],
		wake: make(chan struct{}, 1), topics: map[string]*topic{}, lost: map[*line]error{},
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
		if !k.shared && k.idle(true) {
			return
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
		k.settled(channel.ErrClosed)
	}
}

// idle reports whether no tenant needs the link now; with final, the link is then
// stopped, until something starts it again.
func (k *link) idle(final bool) bool {
	k.mu.Lock()
	if k.tenants > 0 || len(k.topics) > 0 {
		k.mu.Unlock()
		return false
	}
	if final {
		k.runs, k.whole, k.down = false, false, nil
		if !k.shared {
			k.lanes[k.host] = slices.DeleteFunc(k.lanes[k.host], func(lane *link) bool { return lane == k })
		}
	}
	k.mu.Unlock()
	if final {
		k.recovered()
	}
	return true
}

// keep tells the host what changes, by the protocol's apply, until that fails
// or no tenant needs the link. It calls beat at each tick.
func (k *link) keep(ctx context.Context, tick <-chan time.Time, beat func(context.Context) error, apply func(context.Context, []*topic) error) error {
	var late <-chan time.Time // runs while the link is idle, through all beats
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
		k.up()
		switch {
		case !k.idle(false):
			late = nil
		case k.isClosing() && k.idle(true):
			return errIdle
		case late == nil:
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
			late = nil
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

// settled ends the wait for the link as a whole.
func (k *link) settled(err error) {
	if k.ready != nil {
		k.ready.release(err)
		k.ready = nil
	}
}

// up notes that the host knows all.
func (k *link) up() {
	k.mu.Lock()
	if k.whole && len(k.lost) == 0 {
		k.mu.Unlock()
		return
	}
	k.whole, k.down = true, nil
	clear(k.lost)
	k.settled(nil)
	k.mu.Unlock()
	k.recovered()
	k.report()
}

// recovered counts the link no longer among those that do not work.
func (k *link) recovered() {
	if k.failed {
		k.failed = false
		k.outage.ends(k.host)
	}
}

// fail notes that the session ended. It returns whether the link had not failed
// before. A lane that never worked fails no tenant: each stays where it is.
func (k *link) fail(err error) bool {
	err = fmt.Errorf("%w: host %d: %w", channel.ErrBroken, k.host+1, err)
	k.mu.Lock()
	was := k.down == nil
	counts := !k.failed && (k.shared || k.whole)
	k.whole, k.down = false, err
	clear(k.lost)
	for _, m := range k.moves {
		if m.from == k || m.to == k {
			m.end(err)
		}
	}
	for _, tp := range k.topics {
		tp.known, tp.inBatch = false, false
		tp.release(err)
	}
	k.settled(err)
	k.mu.Unlock()
	if counts {
		k.failed = true
		k.outage.begins(err)
	}
	k.report()
	return was
}
