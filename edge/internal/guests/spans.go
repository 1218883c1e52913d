package guests

import (
	"context"
	"log/slog"
	"time"

	"github.com/tenantedge/tenantedge/edge/internal/instance"
	"github.com/tenantedge/tenantedge/edge/tenant"
	"github.com/tenantedge/tenantedge/edge/trace"
	"github.com/tenantedge/tenantedge/guest/abi"
)

// The attributes of spans.
const (
	attrTenant  = "tenantedge.tenant"  // schema
	attrOutcome = "tenantedge.outcome" // of a decision, such as tenant and redirect
	attrGuest   = "tenantedge.guest"   // digest
	attrFuel    = "tenantedge.fuel"
	attrNanos   = "tenantedge.guest_ns" // of the call alone, without what the span costs
	attrQuery   = "tenantedge.query"    // name of the statement
)

// decide is decideUntraced within a span, if the request is sampled.
func (g *Generation) decide(ctx context.Context, i *instance.Instance, r *Request, d *Decision) (fuel uint64, err error) {
	ctx, span := trace.Start(g.tracer, ctx, "guest "+abi.ExportRoute)
	if span == nil {
		return g.decideUntraced(ctx, i, r, d)
	}
	began := time.Now()
	fuel, err = g.decideUntraced(ctx, i, r, d)
	attributes := g.spanOf(fuel, time.Since(began), &d.Tenant)
	if err == nil {
		attributes = append(attributes, slog.String(attrOutcome, d.Outcome.String()))
	}
	span.End(err, attributes...)
	return fuel, err
}

// traced calls the guest for a tenant within a span, if the request is sampled.
func (g *Generation) traced(ctx context.Context, i *instance.Instance, t *tenant.Tenant, e instance.Export, call func(context.Context) error) error {
	if g.tracer == nil {
		return call(ctx) // the name below is made
	}
	ctx, span := g.tracer.Start(ctx, "guest "+e.Name())
	if span == nil {
		return call(ctx)
	}
	began := time.Now()
	err := call(ctx)
	span.End(err, g.spanOf(i.Fuel(), time.Since(began), t)...)
	return err
}

func (g *Generation) spanOf(fuel uint64, took time.Duration, t *tenant.Tenant) []slog.Attr {
	attributes := []slog.Attr{slog.String(attrGuest, g.digest), slog.Uint64(attrFuel, fuel), slog.Int64(attrNanos, took.Nanoseconds())}
	if t.Schema != "" {
		attributes = append(attributes, slog.String(attrTenant, t.Schema))
	}
	return attributes
}

// span runs an operation on the tenant's files within a span, if the request is
// sampled. Names of files are private, so they are left out.
func (f *guestFiles) span(ctx context.Context, operation string, do func(context.Context) error) error {
	if f.tracer == nil {
		return do(ctx)
	}
	return trace.Do(f.tracer, ctx, "file "+operation, do, slog.String(attrTenant, f.tenant.Schema))
}
