package edge

import (
	"context"
	"sync/atomic"

	"github.com/tenantedge/tenantedge/edge/internal/requestid"
	"github.com/tenantedge/tenantedge/edge/tenant"
)

// routedContext is the context of a routed request, with the part of the decision
// that handlers need. It is never reused: handlers may keep it. 256 bytes are one
// of the sizes in which Go allocates.
type routedContext struct {
	context.Context
	tenant  tenant.Tenant          // without Routing.Router: none
	headers []string               // Decision.Headers
	id      atomic.Pointer[string] // request id; nil until it is needed
}

type routedKey struct{}

func (c *routedContext) Value(key any) any {
	switch key {
	case tenant.Key{}:
		return c.of()
	case routedKey{}:
		return c
	}
	value := c.Context.Value(key)
	if value == nil && key == (requestid.Key{}) {
		return c.requestID()
	}
	return value
}

// of returns the tenant, nil if there is none.
func (c *routedContext) of() *tenant.Tenant {
	if c.tenant.Routing.Router == "" {
		return nil
	}
	return &c.tenant
}

// requestID returns the request's id, which the first call makes.
func (c *routedContext) requestID() string {
	if c.id.Load() == nil {
		id := requestid.New()
		c.id.CompareAndSwap(nil, &id)
	}
	return *c.id.Load()
}
