package edge

import (
	"context"
	"crypto/rand"
	"sync/atomic"
)

// TenantFrom returns the tenant that Middleware found for the request of ctx.
// There is none where the guest let a request pass without one (compat strict).
func TenantFrom(ctx context.Context) (*Tenant, bool) {
	c, _ := ctx.Value(tenantKey{}).(*tenantContext)
	if c == nil || c.decision.Outcome != OutcomeTenant {
		return nil, false
	}
	return &c.decision.Tenant, true
}

// WithTenant returns a context that carries t as Middleware's would: for tests
// of handlers, and for work that goes on after the request.
func WithTenant(ctx context.Context, t Tenant) context.Context {
	return &tenantContext{Context: ctx, decision: Decision{Outcome: OutcomeTenant, Tenant: t}}
}

// tenantContext carries the decision in one allocation, which nobody reuses: a
// handler may keep it for as long as it likes.
type tenantContext struct {
	context.Context
	decision Decision
	id       atomic.Pointer[string] // of the request; nil: nothing has asked for it
}

type tenantKey struct{}

func (c *tenantContext) Value(key any) any {
	if key == (tenantKey{}) {
		return c
	}
	value := c.Context.Value(key)
	if value == nil && key == (requestKey{}) {
		return c.requestID()
	}
	return value
}

// requestID makes an id on first use.
func (c *tenantContext) requestID() string {
	if c.id.Load() == nil {
		id := rand.Text()
		c.id.CompareAndSwap(nil, &id)
	}
	return *c.id.Load()
}
