package upstream

import (
	"container/list"
	"slices"
	"sync"
	"sync/atomic"
	"time"
)

// waiting is what waits on a connection that no request uses.
type waiting int

const (
	nothing waiting = iota
	surplus         // bytes that belong to no answer
	ended           // the end, or what cannot be told from it
)

const (
	maxIdle    = 1024             // connections kept for the next request, of all owners
	idleTime   = 30 * time.Second // a connection is kept at most
	fresh      = time.Second      // a connection may have been idle at most to take a request that cannot be repeated
	settleTime = time.Millisecond // a connection is not used after its answer if there are others
	sweepTime  = time.Second      // between looks at all that are idle

	watchTime  = time.Second // that a connection is watched for surplus bytes
	maxWatched = 16          // at once, of which a server may give a worker to each
	earned     = 16          // connections without surplus bytes before any is used again
	sample     = 256         // after that, the connection is watched after one in so many answers
	lostTime   = 10 * time.Minute
)

// Stats are what became of connections.
type Stats struct {
	Opened, Reused, Surplus uint64
	Idle                    int
	Reuses                  bool // connections are used again at present
}

// pool keeps connections for their owners' next requests, once the application
// has shown that it sends nothing after an answer.
type pool struct {
	most    int // connections kept
	surplus func()
	opened  atomic.Uint64
	reused  atomic.Uint64

	mu       sync.Mutex
	idle     map[Owner][]*conn
	order    list.List // of idle and watched ones, the longest idle first
	watched  int
	clean    int // watched ones that ended without surplus bytes, also by the application, since the last surplus
	answers  int
	lost     time.Time // no connection is kept before
	caughts  uint64
	sweeping bool
}

func (p *pool) init(most int, surplus func()) {
	if most <= 0 || most > maxIdle {
		most = maxIdle
	}
	p.most, p.surplus, p.idle = most, surplus, make(map[Owner][]*conn)
}

// take returns a connection on which nothing waits; nil: there is none.
func (p *pool) take(owner Owner, repeatable bool) *conn {
	for {
		p.mu.Lock()
		kept := p.idle[owner]
		if len(kept) == 0 {
			p.mu.Unlock()
			return nil
		}
		cn := settled(kept)
		if !repeatable && time.Since(cn.since) > fresh {
			// The application may be closing it, and the request would be lost.
			p.mu.Unlock()
			return nil
		}
		p.removeLocked(cn)
		p.mu.Unlock()
		switch cn.peek.waiting() {
		case nothing:
			cn.reused = true
			p.reused.Add(1)
			return cn
		case surplus:
			p.caught()
		}
		cn.close()
	}
}

// settled returns the connection that was used last, but for those whose answer
// ended a moment ago: surplus bytes follow an answer closely.
func settled(kept []*conn) *conn {
	now := time.Now()
	for _, cn := range slices.Backward(kept) {
		if now.Sub(cn.since) >= settleTime {
			return cn
		}
	}
	return kept[0]
}

// put keeps a connection whose answer has ended, or watches or closes it. The
// surplus of those that are not to be kept counts too.
func (p *pool) put(cn *conn, keep bool) {
	if cn.reader.Buffered() > 0 {
		p.caught()
		cn.close()
		return
	}
	closing := cn
	if keep {
		closing = p.keep(cn)
	}
	if closing != nil {
		closing.close()
	}
}

// keep keeps or watches a connection. It returns the one that is to be closed for
// it: cn itself, the one that is idle longest, or nil.
func (p *pool) keep(cn *conn) (closing *conn) {
	now := time.Now()
	p.mu.Lock()
	defer p.mu.Unlock()
	if now.Before(p.lost) {
		return cn
	}
	p.answers++
	watch := p.clean < earned || p.answers%sample == 0
	if watch && p.watched >= maxWatched {
		return cn
	}
	cn.since, cn.watched = now, watch
	if watch {
		p.watched++
	} else {
		p.idle[cn.owner] = append(p.idle[cn.owner], cn)
	}
	cn.place = p.order.PushBack(cn)
	if p.order.Len() > p.most+maxWatched {
		closing = p.order.Front().Value.(*conn)
		p.removeLocked(closing)
	}
	if !p.sweeping {
		p.sweeping = true
		time.AfterFunc(sweepTime, p.sweep)
	}
	return closing
}

func (p *pool) removeLocked(cn *conn) {
	p.order.Remove(cn.place)
	cn.place = nil
	if cn.watched {
		p.watched--
		return
	}
	kept := p.idle[cn.owner]
	i := slices.Index(kept, cn)
	if kept = slices.Delete(kept, i, i+1); len(kept) == 0 {
		delete(p.idle, cn.owner)
	} else {
		p.idle[cn.owner] = kept
	}
}

// sweep closes connections that ended, had their time or hold surplus bytes. It
// holds the lock for a look at one connection at a time, since requests wait for
// it, and closes without it.
func (p *pool) sweep() {
	now, found := time.Now(), false
	for _, e := range p.places() {
		cn, state := p.expired(e, now)
		if cn != nil {
			cn.close()
		}
		found = found || state == surplus
	}
	p.mu.Lock()
	p.sweeping = p.order.Len() > 0
	if p.sweeping {
		time.AfterFunc(sweepTime, p.sweep)
	}
	p.mu.Unlock()
	if found {
		p.caught()
	}
}

// places returns the places of all connections.
func (p *pool) places() []*list.Element {
	p.mu.Lock()
	defer p.mu.Unlock()
	all := make([]*list.Element, 0, p.order.Len())
	for e := p.order.Front(); e != nil; e = e.Next() {
		all = append(all, e)
	}
	return all
}

// expired removes the connection at a place and returns it, unless it may stay.
// A connection that a request has taken is no longer at its place: only one at
// its place may be looked at.
func (p *pool) expired(place *list.Element, now time.Time) (*conn, waiting) {
	p.mu.Lock()
	defer p.mu.Unlock()
	cn := place.Value.(*conn)
	if cn.place != place {
		return nil, nothing
	}
	state, most := cn.peek.waiting(), idleTime
	if cn.watched {
		most = watchTime
	}
	if state == nothing && now.Sub(cn.since) < most {
		return nil, nothing
	}
	if cn.watched && state != surplus {
		p.clean++
	}
	p.removeLocked(cn)
	return cn, state
}

// caught notes surplus bytes: no connection is kept for lostTime, and then the
// application has to earn it anew.
func (p *pool) caught() {
	p.mu.Lock()
	p.caughts++
	first := time.Now().After(p.lost)
	p.lost, p.clean = time.Now().Add(lostTime), 0
	p.mu.Unlock()
	p.closeIdle()
	if first && p.surplus != nil {
		p.surplus()
	}
}

func (p *pool) closeIdle() {
	for _, cn := range p.removeAll() {
		cn.close()
	}
}

func (p *pool) removeAll() []*conn {
	p.mu.Lock()
	defer p.mu.Unlock()
	all := make([]*conn, 0, p.order.Len())
	for e := p.order.Front(); e != nil; e = p.order.Front() {
		cn := e.Value.(*conn)
		p.removeLocked(cn)
		all = append(all, cn)
	}
	return all
}

func (p *pool) stats() Stats {
	p.mu.Lock()
	defer p.mu.Unlock()
	return Stats{
		Opened: p.opened.Load(), Reused: p.reused.Load(), Surplus: p.caughts,
		Idle: p.order.Len(), Reuses: p.clean >= earned && !time.Now().Before(p.lost),
	}
}
