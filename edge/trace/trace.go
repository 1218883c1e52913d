// Package trace has the interface by which an edge reports what it does for a request
// to a tracing library. `tenantedge serve` uses OpenTelemetry; an edge without a Tracer
// links no such library.
package trace

import (
	"context"
	"log/slog"
	"net/http"
)

// Tracer follows requests. It is safe for concurrent use.
type Tracer interface {
	// Start begins a span of the request of ctx, within the span of ctx, and returns
	// the context of the new span. It returns ctx and nil unless the request is sampled.
	Start(ctx context.Context, name string) (context.Context, Span)
	// Begin begins a trace of work within ctx that belongs to no request, for example of a
	// websocket's event. It returns ctx and nil unless the trace is sampled.
	Begin(ctx context.Context, name string) (context.Context, Span)
	// Propagate sets the fields that carry the trace of the request of ctx to another
	// server, in place of those that its client sent.
	Propagate(ctx context.Context, header http.Header)
}

// Span is a part of the work for a request.
type Span interface {
	// End ends the span, with the error if the work failed.
	End(err error, attributes ...slog.Attr)
}

// Start calls t.Start, unless t is nil.
func Start(t Tracer, ctx context.Context, name string) (context.Context, Span) {
	if t == nil {
		return ctx, nil
	}
	return t.Start(ctx, name)
}

// Begin calls t.Begin, unless t is nil.
func Begin(t Tracer, ctx context.Context, name string) (context.Context, Span) {
	if t == nil {
		return ctx, nil
	}
	return t.Begin(ctx, name)
}

// Do runs f within a span.
func Do(t Tracer, ctx context.Context, name string, f func(context.Context) error, attributes ...slog.Attr) error {
	ctx, span := Start(t, ctx, name)
	err := f(ctx)
	if span != nil {
		span.End(err, attributes...)
	}
	return err
}
