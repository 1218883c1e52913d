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

// The pauses between two attempts to connect to a host. All tenants share a link,
// so short pauses cost little.
const backoffFirst, backoffLast = 50 * time.Millisecond, 2 * time.Second

// errIdle ends a session that no tenant needs.
var errIdle = errors.New("no tenant uses the session")

// link is a connection to one host, kept open by a goroutine while tenants use it.
// Topics are reconciled: callers change which topics are wanted, and the session's
// goroutine adds and removes them at the host, in batches.
type link struct {
	*links
	host     int
	shared   bool // by all tenants without a lane
	outage   *outage
	wake     chan struct{}
	inOutage bool // counted in outage; used by the link's goroutine only

	// Under links.mu.
	tenants int // with open channels, or about to move here
	topics  map[string]*topic
	dirty   []*topic
	round   []*topic        // topics that dueForRenewal has yet to return in this round
	lost    map[*line]error // tenants that the host lost memberships of, until these are written again
	done    chan struct{}   // closed when the goroutine has ended; nil before the first one
	running bool
	synced  bool    // the host has confirmed all topics
	down    error   // why the link has failed; nil also while it connects
	ready   *waiter // for synced or down
}

func (w *links) newLink(host int, shared bool) *link {
	return &link{
		links: w, host: host, shared: shared, outage: w.outages[host],
		wake: make(chan struct{}, 1), topics: map[string]*topic{}, lost: map[*line]error{},
	}
}

func (k *link) wakeUp() {
	select {
	case k.wake <- struct{}{}:
	default:
	}
}

// start starts the link's goroutine unless it runs.
func (k *link) start() {
	if k.running || k.ctx.Err() != nil {
		return
	}
	previous := k.done
	k.running, k.done = true, make(chan struct{})
	go k.run(previous, k.done)
}

func (k *link) run(previous, done chan struct{}) {
	defer close(done)
	defer k.releaseAll()
	if previous != nil {
		<-previous
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
		if !k.shared && k.stopIfIdle() {
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

// releaseAll ends all waits with channel.ErrClosed, if the layer is closed.
func (k *link) releaseAll() {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.ctx.Err() != nil {
		for _, tp := range k.topics {
			tp.release(channel.ErrClosed)
		}
		k.releaseReady(channel.ErrClosed)
	}
}

// idle reports whether no tenant uses the link.
func (k *link) idle() bool {
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.idleLocked()
}

func (k *link) idleLocked() bool { return k.tenants == 0 && len(k.topics) == 0 }

// stopIfIdle stops the link if no tenant uses it. start starts it again.
func (k *link) stopIfIdle() bool {
	k.mu.Lock()
	if !k.idleLocked() {
		k.mu.Unlock()
		return false
	}
	k.running, k.synced, k.down = false, false, nil
	if !k.shared {
		k.lanes[k.host] = slices.DeleteFunc(k.lanes[k.host], func(lane *link) bool { return lane == k })
	}
	k.mu.Unlock()
	k.endOutage()
	return true
}

// syncer is the part of a session that writes to the host.
type syncer interface {
	// apply brings a batch of topics to the host and waits for the confirmation.
	apply(ctx context.Context, batch []*topic) error
	// beat checks and renews what the host has. It is called at each tick.
	beat(ctx context.Context) error
}

// sync applies changes to the host until that fails or no tenant uses the link.
func (k *link) sync(ctx context.Context, tick <-chan time.Time, s syncer) error {
	var idleTimer <-chan time.Time // runs while the link is idle; beats do not reset it
	for {
		select {
		case <-tick: // first: changes may never pause
			if err := s.beat(ctx); err != nil {
				return err
			}
		default:
		}
		if applied, err := k.applyBatch(ctx, s); err != nil {
			return err
		} else if applied {
			continue
		}
		k.setSynced()
		switch {
		case !k.idle():
			idleTimer = nil
		case k.isClosing() && k.stopIfIdle():
			return errIdle
		case idleTimer == nil:
			idleTimer = time.After(k.idleTime)
		}
		select {
		case <-k.wake:
		case <-tick:
			if err := s.beat(ctx); err != nil {
				return err
			}
		case <-idleTimer:
			if k.stopIfIdle() {
				return errIdle
			}
			idleTimer = nil
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
}

func (k *link) applyBatch(ctx context.Context, s syncer) (applied bool, err error) {
	batch := k.next()
	if len(batch) == 0 {
		return false, nil
	}
	if err := s.apply(ctx, batch); err != nil {
		return false, err
	}
	k.confirm(batch)
	return true, nil
}

func (k *link) isClosing() bool {
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.closing
}

// releaseReady ends the wait for the link.
func (k *link) releaseReady(err error) {
	if k.ready != nil {
		k.ready.release(err)
		k.ready = nil
	}
}

// setSynced records that the host has confirmed all topics.
func (k *link) setSynced() {
	k.mu.Lock()
	if k.synced && len(k.lost) == 0 {
		k.mu.Unlock()
		return
	}
	k.synced, k.down = true, nil
	clear(k.lost)
	k.releaseReady(nil)
	k.mu.Unlock()
	k.endOutage()
	k.report()
}

// endOutage removes the link from the failed links that outage counts.
func (k *link) endOutage() {
	if k.inOutage {
		k.inOutage = false
		k.outage.end(k.host)
	}
}

// fail records that the session ended with an error. It reports whether the link
// had not failed before. The failure of a lane that never worked affects no tenant:
// all still use their links.
func (k *link) fail(err error) bool {
	err = fmt.Errorf("%w: host %d: %w", channel.ErrBroken, k.host+1, err)
	k.mu.Lock()
	first := k.down == nil
	counts := !k.inOutage && (k.shared || k.synced)
	k.synced, k.down = false, err
	clear(k.lost)
	for _, m := range k.moves {
		if m.from == k || m.to == k {
			m.end(err)
		}
	}
	for _, tp := range k.topics {
		tp.confirmed, tp.inBatch = false, false
		tp.release(err)
	}
	k.releaseReady(err)
	k.mu.Unlock()
	if counts {
		k.inOutage = true
		k.outage.begin(err)
	}
	k.report()
	return first
}
