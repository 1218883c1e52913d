package edge

import (
	"context"
	"crypto/rand"
	"sync/atomic"

	"github.com/tenantedge/tenantedge/edge/internal/requestid"
	"github.com/tenantedge/tenantedge/edge/tenant"
	"github.com/tenantedge/tenantedge/guest/abi"
)

// routedContext is the context of a routed request. It holds the decision, so
// that both take one allocation, and is never reused: handlers may keep it.
type routedContext struct {
	context.Context
	decision Decision
	id       atomic.Pointer[string] // request id; nil until it is needed
}

type routedKey struct{}

func (c *routedContext) Value(key any) any {
	switch key {
	case tenant.Key{}:
		if c.decision.Outcome == abi.Tenant {
			return &c.decision.Tenant
		}
		return (*tenant.Tenant)(nil)
	case routedKey{}:
		return c
	}
	value := c.Context.Value(key)
	if value == nil && key == (requestid.Key{}) {
		return c.requestID()
	}
	return value
}

// requestID returns the request's id, which the first call makes.
func (c *routedContext) requestID() string {
	if c.id.Load() == nil {
		id := rand.Text()
		c.id.CompareAndSwap(nil, &id)
	}
	return *c.id.Load()
}
