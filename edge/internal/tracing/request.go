package tracing

import (
	"context"
	"log/slog"
	"net"
	"net/http"

	"go.opentelemetry.io/contrib/instrumentation/net/http/otelhttp"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/propagation"
	sdk "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/trace"

	"github.com/tenantedge/tenantedge/edge/internal/header"
	"github.com/tenantedge/tenantedge/edge/internal/requestid"
	edgetrace "github.com/tenantedge/tenantedge/edge/trace"
)

// request is the context of a request that is followed: it knows the request's trace.
type request struct {
	context.Context
	span    trace.SpanContext // of a request that is not sampled; of a sampled one, its trace
	trusted bool              // the peer may send baggage
}

type requestKey struct{}

// Value implements context.Context.
func (r *request) Value(key any) any {
	switch key {
	case requestKey{}:
		return r
	case requestid.TraceKey{}:
		return r.span.TraceID().String()
	}
	return r.Context.Value(key)
}

func requestOf(ctx context.Context) *request {
	r, _ := ctx.Value(requestKey{}).(*request)
	return r
}

// Handler decides whether a request is sampled. A sampled one gets a span.
func (t *Tracer) Handler(next http.Handler) http.Handler {
	within := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if !requestOf(r.Context()).trusted { // otelhttp believes X-Forwarded-For
			host, _, _ := net.SplitHostPort(r.RemoteAddr)
			trace.SpanFromContext(r.Context()).SetAttributes(attribute.String("client.address", host))
		}
		next.ServeHTTP(w, r)
	})
	linked := otelhttp.NewMiddleware("", append(t.options, otelhttp.WithPublicEndpointFn(isLinked))...)(within)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		ctx, q := t.begin(r)
		if q.span.IsSampled() {
			linked.ServeHTTP(w, r.WithContext(ctx))
			return
		}
		next.ServeHTTP(w, r.WithContext(q))
	})
}

// isLinked reports whether the span in the context of a request is an untrusted
// client's.
func isLinked(r *http.Request) bool { return !requestOf(r.Context()).trusted }

// begin decides about a request. ctx has the span of the peer.
func (t *Tracer) begin(r *http.Request) (ctx context.Context, q *request) {
	q = &request{Context: r.Context(), trusted: t.config.TrustsPeer(r)}
	ctx = q
	var parent trace.SpanContext
	if len(r.Header["Traceparent"]) == 1 {
		ctx = propagation.TraceContext{}.Extract(q, propagation.HeaderCarrier(r.Header))
		if q.trusted {
			parent = trace.SpanContextFromContext(ctx)
		}
	}
	q.span = t.decide(r.Context(), parent, trace.SpanKindServer)
	return ctx, q
}

// decide returns the trace within parent, or a new one if that is not valid, with the
// decision of the sampler. The span is one that other servers can refer to.
func (t *Tracer) decide(ctx context.Context, parent trace.SpanContext, kind trace.SpanKind) trace.SpanContext {
	id := parent.TraceID()
	if parent.IsValid() {
		ctx = trace.ContextWithRemoteSpanContext(ctx, parent)
	} else {
		id = newTraceID()
	}
	decision := t.sampler.ShouldSample(sdk.SamplingParameters{ParentContext: ctx, TraceID: id, Kind: kind})
	c := trace.SpanContextConfig{TraceID: id, SpanID: parent.SpanID(), TraceState: parent.TraceState()}
	if decision.Decision == sdk.RecordAndSample {
		c.TraceFlags = trace.FlagsSampled
	}
	if !c.SpanID.IsValid() {
		c.SpanID = newSpanID()
	}
	return trace.NewSpanContext(c)
}

// prepared is the propagator of otelhttp. begin has read the headers of a request, and
// only the headers of the request to an application are set.
type prepared struct{ propagation.TraceContext }

// Extract implements propagation.TextMapPropagator.
func (prepared) Extract(ctx context.Context, _ propagation.TextMapCarrier) context.Context {
	return ctx
}

// Transport adds a span for each exchange with an application to sampled requests.
func (t *Tracer) Transport(next http.RoundTripper) http.RoundTripper {
	spanned := otelhttp.NewTransport(withoutQuery{next}, t.options...)
	return roundTripper(func(r *http.Request) (*http.Response, error) {
		if q := requestOf(r.Context()); q != nil && q.span.IsSampled() {
			return spanned.RoundTrip(r)
		}
		return next.RoundTrip(r)
	})
}

type roundTripper func(*http.Request) (*http.Response, error)

func (f roundTripper) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

// withoutQuery removes the query from the URL that the span has, since it may hold
// secrets.
type withoutQuery struct{ http.RoundTripper }

func (t withoutQuery) RoundTrip(r *http.Request) (*http.Response, error) {
	if r.URL.RawQuery != "" {
		u := *r.URL
		u.RawQuery, u.User = "", nil
		trace.SpanFromContext(r.Context()).SetAttributes(attribute.String("url.full", u.String()))
	}
	return t.RoundTripper.RoundTrip(r)
}

// Start implements edge/trace.Tracer.
func (t *Tracer) Start(ctx context.Context, name string) (context.Context, edgetrace.Span) {
	q := requestOf(ctx)
	if q == nil || !q.span.IsSampled() {
		return ctx, nil
	}
	within, s := t.tracer.Start(ctx, name)
	return within, span{s}
}

// Begin implements edge/trace.Tracer.
func (t *Tracer) Begin(name string) (context.Context, edgetrace.Span) {
	ctx := context.Background()
	q := &request{Context: ctx}
	if q.span = t.decide(ctx, trace.SpanContext{}, trace.SpanKindInternal); !q.span.IsSampled() {
		return ctx, nil
	}
	within, s := t.tracer.Start(q, name)
	return within, span{s}
}

// Propagate implements edge/trace.Tracer. The baggage of a trusted peer passes.
func (t *Tracer) Propagate(ctx context.Context, fields http.Header) {
	q := requestOf(ctx)
	if q == nil {
		return
	}
	header.DeleteFolded(fields, "traceparent")
	header.DeleteFolded(fields, "tracestate")
	if !q.trusted {
		header.DeleteFolded(fields, "baggage")
	}
	if !q.span.IsSampled() {
		ctx = trace.ContextWithSpanContext(context.Background(), q.span)
	}
	propagation.TraceContext{}.Inject(ctx, propagation.HeaderCarrier(fields))
}

type span struct{ trace.Span }

// End implements edge/trace.Span.
func (s span) End(err error, attributes ...slog.Attr) {
	for _, a := range attributes {
		s.SetAttributes(attributeOf(a))
	}
	if err != nil {
		s.RecordError(err)
		s.SetStatus(codes.Error, err.Error())
	}
	s.Span.End()
}

var (
	_ edgetrace.Tracer              = (*Tracer)(nil)
	_ propagation.TextMapPropagator = prepared{}
)
