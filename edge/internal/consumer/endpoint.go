package consumer

import (
	"context"
	"sync/atomic"

	"github.com/tenantedge/tenantedge/edge/channel"
	"github.com/tenantedge/tenantedge/edge/tenant"
)

// endpoint is what the websockets of one tenant and route share. The tenant is that
// of the handshake, even if the directory changes.
type endpoint struct {
	endpointKey
	tenant tenant.Tenant // without Path, which belongs to one request
	set    *Set
	scope  channel.Scope
	ctx    context.Context // of events; it has the tenant

	count int // websockets; guarded by Set.mu
	owner *owner
}

type endpointKey struct{ schema, tenantID, identifier, folder, route string }

// owner is a tenant that has websockets. It takes one turn in the ring, however many
// endpoints it has. Fields that are not atomic are guarded by Set.mu.
type owner struct {
	endpoints int
	queued    bool         // in the ring of Set.last
	next      *owner       // in the ring
	ready     []*Consumer  // consumers with events to run, from index head on
	head      int          // index in ready of the consumer that pop returns next
	blocked   atomic.Int32 // events that wait for the channel layer

	waiting atomic.Int64 // bytes of group messages that wait
}

// tooManyBlocked reports whether maxBlocked events wait for the channel layer. The
// tenant then gets no turn until one of them is done.
func (o *owner) tooManyBlocked() bool { return o.blocked.Load() >= maxBlocked }

type ownerKey struct{ schema, tenantID string }

// acquire returns the endpoint of a new websocket and counts the websocket. The
// first websocket creates the endpoint.
func (set *Set) acquire(r *Request) *endpoint {
	t := r.Tenant
	key := endpointKey{t.Schema, t.ID, t.Identifier, t.Routing.Folder, r.Route}
	set.mu.Lock()
	defer set.mu.Unlock()
	ep := set.endpoints[key]
	if ep == nil {
		ep = &endpoint{endpointKey: key, tenant: *t, set: set, scope: r.Scope}
		ep.tenant.Path = ""
		ep.ctx = tenant.NewContext(context.Background(), &ep.tenant)
		if set.endpoints == nil {
			set.endpoints = map[endpointKey]*endpoint{}
		}
		set.endpoints[key] = ep
		ep.owner = set.acquireOwner(ownerKey{key.schema, key.tenantID})
	}
	ep.count++
	return ep
}

// acquireOwner returns the owner of a new endpoint and counts the endpoint. The
// caller holds set.mu.
func (set *Set) acquireOwner(key ownerKey) *owner {
	o := set.owners[key]
	if o == nil {
		o = &owner{}
		if set.owners == nil {
			set.owners = map[ownerKey]*owner{}
		}
		set.owners[key] = o
	}
	o.endpoints++
	return o
}

// release uncounts a websocket. The last one of an endpoint deletes the endpoint, and
// the last endpoint of a tenant the owner. Drain returns when no endpoint remains.
func (set *Set) release(ep *endpoint) {
	set.mu.Lock()
	defer set.mu.Unlock()
	if ep.count--; ep.count == 0 {
		delete(set.endpoints, ep.endpointKey)
		if ep.owner.endpoints--; ep.owner.endpoints == 0 {
			delete(set.owners, ownerKey{ep.schema, ep.tenantID})
		}
	}
	if len(set.endpoints) == 0 && set.empty != nil {
		close(set.empty)
		set.empty = nil
	}
}
