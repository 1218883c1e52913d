// Package tracing sends traces of requests to an OpenTelemetry collector. It is the
// only package that imports OpenTelemetry; the others use edge/trace.
//
//	t, err := tracing.New(ctx, tracing.Config{TrustsPeer: host.TrustsPeer})
//	defer t.Close(ctx)
//	handler = t.Handler(handler) // of requests about which Decide has decided
//
// The trace context of a trusted peer is continued. That of any other client only
// becomes a link: it neither chooses the trace, nor whether it is sampled.
package tracing

import (
	"cmp"
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"os"
	"strconv"
	"strings"

	"go.opentelemetry.io/contrib/instrumentation/net/http/otelhttp"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/exporters/otlp/otlptrace/otlptracehttp"
	"go.opentelemetry.io/otel/metric/noop"
	"go.opentelemetry.io/otel/sdk/resource"
	sdk "go.opentelemetry.io/otel/sdk/trace"
	semconv "go.opentelemetry.io/otel/semconv/v1.41.0"
	"go.opentelemetry.io/otel/trace"
)

// Config configures a Tracer. Zero fields are read from the environment variables of
// the OpenTelemetry specification (OTEL_…).
type Config struct {
	Endpoint string            // URL of the collector, such as http://127.0.0.1:4318; /v1/traces is added unless it has a path
	Headers  map[string]string // of the requests to it
	// Sample is the share of requests without a trusted trace that are sampled; nil:
	// OTEL_TRACES_SAMPLER, or all of them.
	Sample *float64
	// IgnoreParent samples by Sample alone. Otherwise a trusted peer that has decided
	// about a trace has also decided about its requests.
	IgnoreParent bool
	Service      string // name of the service; default "tenantedge"
	Version      string // of the program
	// TrustsPeer reports whether the trace context of a request may be continued.
	TrustsPeer func(*http.Request) bool
	Logger     *slog.Logger // nil: slog.Default
}

// Tracer makes the spans of requests. It is safe for concurrent use.
type Tracer struct {
	config   Config
	provider *sdk.TracerProvider
	tracer   trace.Tracer
	sampler  sdk.Sampler
	export   *export
	options  []otelhttp.Option
}

// New returns a Tracer. It does not connect to the collector.
func New(ctx context.Context, c Config) (*Tracer, error) {
	c.Logger = cmp.Or(c.Logger, slog.Default())
	sampler, err := c.sampler()
	if err != nil {
		return nil, err
	}
	described, err := c.resource(ctx)
	if err != nil {
		return nil, fmt.Errorf("tracing: expected OTEL_RESOURCE_ATTRIBUTES to be key=value pairs, separated by commas: %w", err)
	}
	exporter, err := otlptracehttp.New(ctx, c.exporter()...)
	if err != nil {
		return nil, fmt.Errorf("tracing: %w", err)
	}
	t := &Tracer{config: c, sampler: sampler, export: newExport(exporter, c.Logger)}
	t.provider = sdk.NewTracerProvider(
		sdk.WithSpanProcessor(t.export),
		sdk.WithResource(described),
		sdk.WithIDGenerator(ids{}),
		// Handler has decided whether a request is sampled.
		sdk.WithSampler(sdk.ParentBased(sdk.AlwaysSample(), sdk.WithRemoteParentNotSampled(sdk.AlwaysSample()))),
	)
	t.tracer = t.provider.Tracer("github.com/tenantedge/tenantedge")
	t.options = []otelhttp.Option{
		otelhttp.WithTracerProvider(t.provider), otelhttp.WithMeterProvider(noop.NewMeterProvider()), otelhttp.WithPropagators(prepared{}),
	}
	return t, nil
}

func (c *Config) exporter() (options []otlptracehttp.Option) {
	if c.Endpoint != "" {
		url := strings.TrimSuffix(c.Endpoint, "/")
		if _, rest, _ := strings.Cut(url, "://"); !strings.Contains(rest, "/") {
			url += "/v1/traces"
		}
		options = append(options, otlptracehttp.WithEndpointURL(url))
	}
	if len(c.Headers) > 0 {
		options = append(options, otlptracehttp.WithHeaders(c.Headers))
	}
	return options
}

func (c *Config) resource(ctx context.Context) (*resource.Resource, error) {
	options := []resource.Option{
		resource.WithTelemetrySDK(),
		resource.WithAttributes(semconv.ServiceName("tenantedge"), semconv.ServiceVersion(c.Version)),
		resource.WithFromEnv(),
	}
	if c.Service != "" {
		options = append(options, resource.WithAttributes(semconv.ServiceName(c.Service)))
	}
	return resource.New(ctx, options...)
}

// sampler returns what decides about requests without a span.
func (c *Config) sampler() (sdk.Sampler, error) {
	if c.Sample != nil {
		ratio := sdk.TraceIDRatioBased(*c.Sample)
		if c.IgnoreParent {
			return ratio, nil
		}
		return sdk.ParentBased(ratio), nil
	}
	name := os.Getenv("OTEL_TRACES_SAMPLER")
	kind, parentBased := strings.CutPrefix(name, "parentbased_")
	var root sdk.Sampler
	switch kind {
	case "":
		root, parentBased = sdk.AlwaysSample(), true
	case "always_on":
		root = sdk.AlwaysSample()
	case "always_off":
		root = sdk.NeverSample()
	case "traceidratio":
		text := cmp.Or(os.Getenv("OTEL_TRACES_SAMPLER_ARG"), "1")
		ratio, err := strconv.ParseFloat(text, 64)
		if err != nil || !(ratio >= 0 && ratio <= 1) {
			return nil, fmt.Errorf("tracing: OTEL_TRACES_SAMPLER_ARG: expected a number from 0 to 1, found %q", text)
		}
		root = sdk.TraceIDRatioBased(ratio)
	default:
		return nil, fmt.Errorf("tracing: OTEL_TRACES_SAMPLER: expected always_on, always_off or traceidratio, each also after parentbased_, found %q", name)
	}
	if parentBased {
		return sdk.ParentBased(root), nil
	}
	return root, nil
}

// Stats returns what happened to the spans that have ended.
func (t *Tracer) Stats() Stats { return t.export.stats() }

// Close sends the spans that wait, until ctx ends.
func (t *Tracer) Close(ctx context.Context) error { return t.provider.Shutdown(ctx) }

// attributeOf returns an attribute for a span.
func attributeOf(a slog.Attr) attribute.KeyValue {
	switch a.Value.Kind() {
	case slog.KindInt64:
		return attribute.Int64(a.Key, a.Value.Int64())
	case slog.KindUint64:
		return attribute.Int64(a.Key, int64(a.Value.Uint64()))
	}
	return attribute.String(a.Key, a.Value.String())
}
