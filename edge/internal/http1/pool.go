package http1

import (
	"container/list"
	"slices"
	"sync"
	"sync/atomic"
	"time"
)

// arrived is what has arrived on an idle connection.
type arrived int

const (
	nothing arrived = iota
	surplus         // bytes that belong to no answer
	ended           // the connection ended, cannot be inspected, or has TLS records of unknown content
)

const (
	maxIdle    = 1024             // idle connections, of all owners
	idleTime   = 30 * time.Second // maximum time that a connection is idle
	freshTime  = time.Second      // maximum idle time before a request that cannot be repeated
	settleTime = time.Millisecond // idle time before which other connections are preferred
	sweepTime  = time.Second      // between sweeps over the idle connections

	watchTime   = time.Second      // for which a connection is watched for surplus bytes
	maxWatched  = 16               // connections watched at once; a server may assign a worker to each
	probation   = 16               // connections without surplus bytes before any is reused
	sample      = 256              // after probation, one connection in this many answers is watched
	penaltyTime = 10 * time.Minute // without reuse after surplus bytes
)

// Stats are counters of connections.
type Stats struct {
	Opened  uint64 // connections
	Reused  uint64 // requests sent on a connection that had served one before
	Surplus uint64 // times that surplus bytes were found
	Idle    int    // connections in the pool at this moment
	Reuses  bool   // connections are reused at present
}

// pool keeps connections for their owners' next requests, once the application
// has passed its probation: it sent nothing after its answers.
type pool struct {
	max     int // idle connections
	surplus func()
	opened  atomic.Uint64
	reused  atomic.Uint64

	mu       sync.Mutex
	idle     map[Owner][]*conn
	order    list.List // idle and watched connections, the longest idle first
	watched  int
	clean    int // connections watched without surplus bytes since surplus bytes were last found
	answers  int
	penalty  time.Time // no connection is kept until then
	caught   uint64    // times that surplus bytes were found
	sweeping bool
}

func (p *pool) init(limit int, surplus func()) {
	if limit <= 0 || limit > maxIdle {
		limit = maxIdle
	}
	p.max, p.surplus, p.idle = limit, surplus, make(map[Owner][]*conn)
}

// take returns an idle connection, or nil if there is none.
func (p *pool) take(owner Owner, repeatable bool) *conn {
	p.mu.Lock()
	defer p.mu.Unlock()
	kept := p.idle[owner]
	if len(kept) == 0 {
		return nil
	}
	cn := settled(kept)
	if !repeatable && time.Since(cn.since) > freshTime {
		return nil // the application may be closing it, which would lose the request
	}
	p.removeLocked(cn)
	cn.reused = true
	return cn
}

// drop closes a connection that was taken and is stale.
func (p *pool) drop(cn *conn) {
	if cn.raw.found == surplus {
		p.foundSurplus()
	}
	cn.close()
}

// settled returns the most recently used connection whose answer ended at least
// settleTime ago, since surplus bytes follow an answer closely, and the least
// recently used one if there is none.
func settled(kept []*conn) *conn {
	now := time.Now()
	for _, cn := range slices.Backward(kept) {
		if now.Sub(cn.since) >= settleTime {
			return cn
		}
	}
	return kept[0]
}

// put keeps, watches or closes a connection whose answer is complete. Surplus bytes
// count even if keep is false.
func (p *pool) put(cn *conn, keep bool) {
	if cn.reader.Buffered() > 0 {
		p.foundSurplus()
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

// keep keeps or watches a connection. It returns a connection to close: cn if it is
// not kept, the longest idle one if the pool is full, or nil.
func (p *pool) keep(cn *conn) (closing *conn) {
	now := time.Now()
	p.mu.Lock()
	defer p.mu.Unlock()
	if now.Before(p.penalty) {
		return cn
	}
	p.answers++
	watch := p.clean < probation || p.answers%sample == 0
	if watch && p.watched >= maxWatched {
		return cn
	}
	cn.since, cn.watched = now, watch
	if watch {
		p.watched++
	} else {
		p.idle[cn.owner] = append(p.idle[cn.owner], cn)
	}
	cn.element = p.order.PushBack(cn)
	if p.order.Len() > p.max+maxWatched {
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
	p.order.Remove(cn.element)
	cn.element = nil
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

// sweep closes connections that ended, expired or have surplus bytes. It holds the
// lock for one connection at a time, since requests wait for it, and closes
// connections without the lock.
func (p *pool) sweep() {
	now, found := time.Now(), false
	for _, e := range p.elements() {
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
		p.foundSurplus()
	}
}

// elements returns the list elements of all connections.
func (p *pool) elements() []*list.Element {
	p.mu.Lock()
	defer p.mu.Unlock()
	all := make([]*list.Element, 0, p.order.Len())
	for e := p.order.Front(); e != nil; e = e.Next() {
		all = append(all, e)
	}
	return all
}

// expired removes and returns the connection of an element if it must be closed. A
// connection that a request took after the elements were listed has no element or
// another one, and must not be inspected.
func (p *pool) expired(e *list.Element, now time.Time) (*conn, arrived) {
	p.mu.Lock()
	defer p.mu.Unlock()
	cn := e.Value.(*conn)
	if cn.element != e {
		return nil, nothing
	}
	state, limit := cn.raw.arrived(), idleTime
	if cn.watched {
		limit = watchTime
	}
	if state == nothing && now.Sub(cn.since) < limit {
		return nil, nothing
	}
	if cn.watched && state != surplus {
		p.clean++
	}
	p.removeLocked(cn)
	return cn, state
}

// foundSurplus counts surplus bytes and closes all idle connections. No connection
// is kept for penaltyTime; then the probation starts again.
func (p *pool) foundSurplus() {
	p.mu.Lock()
	p.caught++
	first := time.Now().After(p.penalty)
	p.penalty, p.clean = time.Now().Add(penaltyTime), 0
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
		Opened: p.opened.Load(), Reused: p.reused.Load(), Surplus: p.caught,
		Idle: p.order.Len(), Reuses: p.clean >= probation && !time.Now().Before(p.penalty),
	}
}
