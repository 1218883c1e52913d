package tenant

import "context"

// Key is the context key of a request's tenant, a *[Tenant]. Handlers call
// [From]; Key is for servers whose own context type holds the tenant.
type Key struct{}

// From returns the tenant of the request whose context ctx is or derives from.
// There is none where the guest lets a request pass without a tenant, which it
// does under the strict rules only.
func From(ctx context.Context) (t *Tenant, ok bool) {
	t, _ = ctx.Value(Key{}).(*Tenant)
	return t, t != nil
}

// NewContext returns a context for which [From] returns t: for tests of handlers,
// and for work that continues after the request.
func NewContext(ctx context.Context, t *Tenant) context.Context {
	return context.WithValue(ctx, Key{}, t)
}
