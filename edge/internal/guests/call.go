package guests

import (
	"context"

	"github.com/tenantedge/tenantedge/edge/internal/instance"
	"github.com/tenantedge/tenantedge/edge/tenant"
	"github.com/tenantedge/tenantedge/guest/abi"
)

// Configured returns what the guest declared when it was configured.
func (g *Generation) Configured() abi.Configured { return g.program.Configured() }

// Digest returns the SHA-256 of the guest's Wasm, in hexadecimal.
func (g *Generation) Digest() string { return g.program.Digest() }

// Has reports whether the guest has an optional export.
func (g *Generation) Has(e instance.Export) bool { return g.program.Has(e) }

// Return gives an instance back.
func (g *Generation) Return(i *instance.Instance) { g.program.Return(i) }

// CallFor calls an export with the message that write makes, for a request that
// was routed to t; read gets the reply, which is valid until it returns. The
// error is a *Failure if the guest caused it.
func (g *Generation) CallFor(ctx context.Context, i *instance.Instance, t *tenant.Tenant, e instance.Export, write func([]byte) int, read func(abi.Message) error) error {
	i.Services().(*services).beginFor(t)
	err := g.traced(ctx, i, t, e, func(ctx context.Context) error { return g.failed(i.Call(ctx, e, write, read)) })
	if err != nil && g.candidate != nil && !excused(err) && hasEffects(ctx) {
		g.candidate.failed(err)
	}
	return err
}

// Park closes the idle instances of a guest that is not the current one.
func (g *Generation) Park() { g.program.Park() }
