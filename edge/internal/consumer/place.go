package consumer

import (
	"sync/atomic"

	"github.com/tenantedge/tenantedge/edge/channel"
	"github.com/tenantedge/tenantedge/edge/stats"
	"github.com/tenantedge/tenantedge/edge/tenant"
)

// place is what the websockets of one tenant and route have in common. The
// tenant is the one of the handshake, however the directory changes.
type place struct {
	placeKey
	tenant tenant.Tenant // without what is its request's alone
	set    *Set
	scope  channel.Scope

	count int    // under the lock of the Host's consumers
	owner *owner // the tenant
}

type placeKey struct{ schema, tenantID, identifier, folder, route string }

// owner is a tenant that has websockets, to take its turn as one among others
// however many places it has. What changes does so under the lock of the Host's
// consumers.
type owner struct {
	places int
	lined  bool         // in the ring
	next   *owner       // there
	ready  []*Consumer  // that have events to run, behind
	taken  int          // of them
	aside  atomic.Int32 // events that wait for the channel layer

	waiting atomic.Int64 // bytes of group messages
}

// crowded reports whether as many events wait for the channel layer as may: then
// the tenant has no turn until one of them is done.
func (o *owner) crowded() bool { return o.aside.Load() >= maxAside }

type ownerKey struct{ schema, tenantID string }

// enter counts one more websocket in its place.
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

// leave counts one less.
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

// Stats returns the figures of this moment.
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

// keepOpening keeps what the open event asked for until the websocket is there.
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
