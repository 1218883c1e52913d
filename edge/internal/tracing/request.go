package tracing

import (
	"context"
	"encoding/hex"
	"log/slog"
	"net"
	"net/http"

	"go.opentelemetry.io/contrib/instrumentation/net/http/otelhttp"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/propagation"
	sdk "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/trace"

	"github.com/tenantedge/tenantedge/edge/internal/requestid"
	edgetrace "github.com/tenantedge/tenantedge/edge/trace"
)

// Request is what is known of the trace of a request. The context of the request has it
// as the value of Key. It is not changed after Decide.
type Request struct {
	span    trace.SpanContext // of a request that is not sampled; of a sampled one, its trace
	parent  [1]string         // the field traceparent with span
	trusted bool              // the peer may send baggage
	long    bool              // the request has texts that spans have to clip
}

// Key is the context key of a *Request.
type Key struct{}

// ID returns the id of the trace for requestid.TraceKey; empty: Decide was not called.
func (q *Request) ID() string {
	if q.parent[0] == "" {
		return ""
	}
	return q.parent[0][idStart:idEnd]
}

func requestOf(ctx context.Context) *Request {
	q, _ := ctx.Value(Key{}).(*Request)
	return q
}

// Handler gives each request that is sampled a span. Decide has decided about it, and
// its context has the Request.
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
		switch q := requestOf(r.Context()); {
		case q == nil || !q.span.IsSampled():
			next.ServeHTTP(w, r)
		case hasParent(r):
			linked.ServeHTTP(w, r.WithContext(parentOf(r)))
		default:
			linked.ServeHTTP(w, r)
		}
	})
}

// isLinked reports whether the span in the context of a request is an untrusted
// client's.
func isLinked(r *http.Request) bool { return !requestOf(r.Context()).trusted }

func hasParent(r *http.Request) bool { return len(r.Header["Traceparent"]) == 1 }

// parentOf returns the context of a request with the span of its client.
func parentOf(r *http.Request) context.Context {
	return propagation.TraceContext{}.Extract(r.Context(), propagation.HeaderCarrier(r.Header))
}

// Decide decides whether a request is sampled, and sets q.
func (t *Tracer) Decide(q *Request, r *http.Request) {
	q.trusted = t.config.TrustsPeer(r)
	var parent trace.SpanContext
	if q.trusted && hasParent(r) {
		parent = trace.SpanContextFromContext(parentOf(r))
	}
	q.span = t.decide(r.Context(), parent, trace.SpanKindServer)
	q.long = q.span.IsSampled() && len(r.Method)+len(r.RequestURI)+len(r.Host)+len(r.UserAgent())+len(r.Header.Get("X-Forwarded-For")) > maxText
	q.parent[0] = parentField(q.span)
}

// The positions of the id of a trace in a field traceparent of version 00.
const idStart, idEnd = len("00-"), len("00-") + 2*len(trace.TraceID{})

// parentField returns the field traceparent, as propagation.TraceContext writes it.
func parentField(c trace.SpanContext) string {
	id, span := c.TraceID(), c.SpanID()
	var space [idEnd + len("-") + 2*len(span) + len("-00")]byte
	text := hex.AppendEncode(append(space[:0], "00-"...), id[:])
	text = hex.AppendEncode(append(text, '-'), span[:])
	return string(hex.AppendEncode(append(text, '-'), []byte{byte(c.TraceFlags() & trace.FlagsSampled)}))
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

// prepared is the propagator of otelhttp. Handler has read the headers of a request, and
// only the headers of the request to an application are set.
type prepared struct{ propagation.TraceContext }

// Extract implements propagation.TextMapPropagator.
func (prepared) Extract(ctx context.Context, _ propagation.TextMapCarrier) context.Context {
	return ctx
}

// exchangeName returns the name of the span of a request to an application. That of
// otelhttp has any method, unlike its name of a server's span: backends count spans by
// name, so clients must not make names.
func exchangeName(_ string, r *http.Request) string {
	switch r.Method {
	case http.MethodConnect, http.MethodDelete, http.MethodGet, http.MethodHead, http.MethodOptions, http.MethodPatch, http.MethodPost, http.MethodPut, http.MethodTrace:
		return "HTTP " + r.Method
	}
	return "HTTP"
}

// Transport adds a span for each exchange with an application to sampled requests.
func (t *Tracer) Transport(next http.RoundTripper) http.RoundTripper {
	spanned := otelhttp.NewTransport(withoutQuery{next}, append(t.options, otelhttp.WithSpanNameFormatter(exchangeName))...)
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
// secrets, and clips the texts that the span has got after its start.
type withoutQuery struct{ http.RoundTripper }

func (t withoutQuery) RoundTrip(r *http.Request) (*http.Response, error) {
	s := trace.SpanFromContext(r.Context())
	if r.URL.RawQuery != "" {
		u := *r.URL
		u.RawQuery, u.User = "", nil
		s.SetAttributes(attribute.String("url.full", u.String()))
	}
	clipTexts(r.Context(), s)
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
func (t *Tracer) Begin(ctx context.Context, name string) (context.Context, edgetrace.Span) {
	q := &Request{span: t.decide(ctx, trace.SpanContext{}, trace.SpanKindInternal)}
	if !q.span.IsSampled() {
		return ctx, nil
	}
	q.parent[0] = parentField(q.span)
	within, s := t.tracer.Start(&event{ctx, q}, name)
	return within, span{s}
}

// event is the context of work that belongs to no request.
type event struct {
	context.Context
	request *Request
}

// Value implements context.Context.
func (e *event) Value(key any) any {
	switch key {
	case Key{}:
		return e.request
	case requestid.TraceKey{}:
		return e.request.ID()
	}
	return e.Context.Value(key)
}

// Propagate implements edge/trace.Tracer. The baggage of a trusted peer passes.
func (t *Tracer) Propagate(ctx context.Context, fields http.Header) {
	q := requestOf(ctx)
	if q == nil {
		return
	}
	// The names have only letters, so the canonical form of net/http is their only spelling.
	delete(fields, "Traceparent")
	delete(fields, "Tracestate")
	if !q.trusted {
		delete(fields, "Baggage")
	}
	if q.span.IsSampled() {
		propagation.TraceContext{}.Inject(ctx, propagation.HeaderCarrier(fields))
		return
	}
	fields["Traceparent"] = q.parent[:] // lists of values are replaced, not changed
	if state := q.span.TraceState(); state.Len() > 0 {
		fields["Tracestate"] = []string{state.String()}
	}
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
