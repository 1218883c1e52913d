package consumer

import (
	"sync/atomic"

	"github.com/tenantedge/tenantedge/edge/channel"
	"github.com/tenantedge/tenantedge/edge/stats"
	"github.com/tenantedge/tenantedge/edge/tenant"
)

// place is what the websockets of one tenant and route share. The tenant is that
// of the handshake, even if the directory changes.
type place struct {
	placeKey
	tenant tenant.Tenant // without Path, which belongs to one request
	set    *Set
	scope  channel.Scope

	count int // websockets; guarded by Set.mu
	owner *owner
}

type placeKey struct{ schema, tenantID, identifier, folder, route string }

// owner is a tenant that has websockets. It has one turn, however many places it
// has. Fields that are not atomic are guarded by Set.mu.
type owner struct {
	places int
	lined  bool         // in the ring of Set.last
	next   *owner       // in the ring
	ready  []*Consumer  // with events to run, from index taken on
	taken  int          // number of elements that pop has returned
	aside  atomic.Int32 // events that wait for the channel layer

	waiting atomic.Int64 // bytes of group messages that wait
}

// crowded reports whether maxAside events wait for the channel layer. The tenant
// then has no turn until one of them is done.
func (o *owner) crowded() bool { return o.aside.Load() >= maxAside }

type ownerKey struct{ schema, tenantID string }

// enter counts one more websocket in its place, which the first one makes.
func (q *Set) enter(r *Request) *place {
	t := r.Tenant
	key := placeKey{t.Schema, t.ID, t.Identifier, t.Routing.Folder, r.Route}
	q.mu.Lock()
	defer q.mu.Unlock()
	p := q.places[key]
	if p == nil {
		p = &place{placeKey: key, tenant: *t, set: q, scope: r.Scope}
		p.tenant.Path = ""
		if q.places == nil {
			q.places = map[placeKey]*place{}
		}
		q.places[key] = p
		p.owner = q.own(ownerKey{key.schema, key.tenantID})
	}
	p.count++
	return p
}

// own counts one more place of a tenant.
func (q *Set) own(key ownerKey) *owner {
	o := q.owners[key]
	if o == nil {
		o = &owner{}
		if q.owners == nil {
			q.owners = map[ownerKey]*owner{}
		}
		q.owners[key] = o
	}
	o.places++
	return o
}

// leave counts one websocket less, drops its place and owner if they have no other
// one, and wakes Drain if no place is left.
func (q *Set) leave(p *place) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if p.count--; p.count == 0 {
		delete(q.places, p.placeKey)
		if p.owner.places--; p.owner.places == 0 {
			delete(q.owners, ownerKey{p.schema, p.tenantID})
		}
	}
	if len(q.places) == 0 && q.empty != nil {
		close(q.empty)
		q.empty = nil
	}
}

// Stats returns the counters.
func (q *Set) Stats() stats.Consumers {
	s := stats.Consumers{Failures: q.failures.Load(), Restarted: q.restarted.Load(), Interrupted: q.interrupted.Load()}
	q.mu.Lock()
	defer q.mu.Unlock()
	for _, p := range q.places {
		s.Open += p.count
	}
	s.Ready = q.last != nil
	return s
}

// keepOpening keeps the effects of the open event until Consumer.Open.
func (q *Set) keepOpening(c *Consumer, e *effects) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.openings == nil {
		q.openings = map[*Consumer]*effects{}
	}
	q.openings[c] = e
}

func (q *Set) takeOpening(c *Consumer) *effects {
	q.mu.Lock()
	defer q.mu.Unlock()
	e := q.openings[c]
	delete(q.openings, c)
	return e
}
