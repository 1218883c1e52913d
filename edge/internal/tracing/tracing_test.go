package tracing

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"

	"go.opentelemetry.io/otel/trace"
	collector "go.opentelemetry.io/proto/otlp/collector/trace/v1"
	otlp "go.opentelemetry.io/proto/otlp/trace/v1"
	"google.golang.org/protobuf/proto"

	"github.com/tenantedge/tenantedge/edge/internal/requestid"
)

// spans is a collector: it keeps the spans that it gets.
type spans struct {
	*httptest.Server
	mu      sync.Mutex
	status  int
	service string
	header  http.Header
	got     []*otlp.Span
}

func newSpans(t *testing.T) *spans {
	s := &spans{}
	s.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		var request collector.ExportTraceServiceRequest
		if err != nil || r.URL.Path != "/v1/traces" || proto.Unmarshal(body, &request) != nil {
			t.Errorf("%s with %d bytes, %v", r.URL, len(body), err)
		}
		s.mu.Lock()
		defer s.mu.Unlock()
		if s.status != 0 {
			w.WriteHeader(s.status)
			return
		}
		s.header = r.Header
		for _, of := range request.ResourceSpans {
			for _, a := range of.Resource.Attributes {
				if a.Key == "service.name" {
					s.service = a.Value.GetStringValue()
				}
			}
			for _, scope := range of.ScopeSpans {
				s.got = append(s.got, scope.Spans...)
			}
		}
	}))
	t.Cleanup(s.Close)
	return s
}

func (s *spans) named(name string) *otlp.Span {
	for _, one := range s.got {
		if one.Name == name {
			return one
		}
	}
	return nil
}

func newTracer(t *testing.T, c Config) *Tracer {
	t.Helper()
	if c.TrustsPeer == nil {
		c.TrustsPeer = func(r *http.Request) bool { return strings.HasPrefix(r.RemoteAddr, "10.") }
	}
	tracer, err := New(t.Context(), c)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = tracer.Close(context.Background()) })
	return tracer
}

func share(x float64) *float64 { return &x }

const (
	clientTrace = "0af7651916cd43dd8448eb211c80319c"
	clientSpan  = "b7ad6b7169203331"
	sampledBy   = "00-" + clientTrace + "-" + clientSpan + "-01"
	unsampledBy = "00-" + clientTrace + "-" + clientSpan + "-00"
)

// follow returns r as the server has it that calls Decide.
func follow(t *Tracer, r *http.Request) *http.Request {
	var q Request
	t.Decide(&q, r)
	return r.WithContext(&event{r.Context(), &q})
}

// serve passes a request through the tracer to an application, and returns the headers
// that the application gets and what the handler sees.
func serve(t *Tracer, peer string, headers ...string) (sent http.Header, id string, sampled bool) {
	r := httptest.NewRequest("GET", "/path?token=secret", nil)
	r.RemoteAddr = peer
	for i := 0; i+1 < len(headers); i += 2 {
		r.Header.Set(headers[i], headers[i+1])
	}
	t.Handler(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		ctx, inner := t.Start(r.Context(), "inner")
		if inner != nil {
			inner.End(errors.New("it failed"), slog.String("k", "v"), slog.Uint64("n", 7))
		}
		id, sampled = requestid.TraceOf(ctx), inner != nil
		out := r.Clone(r.Context())
		t.Propagate(out.Context(), out.Header)
		answer, _ := t.Transport(roundTripper(func(out *http.Request) (*http.Response, error) {
			sent = out.Header
			return &http.Response{StatusCode: 200, Body: http.NoBody, Header: http.Header{}, Request: out}, nil
		})).RoundTrip(out)
		answer.Body.Close()
		w.WriteHeader(http.StatusTeapot)
	})).ServeHTTP(httptest.NewRecorder(), follow(t, r))
	return sent, id, sampled
}

func TestWhoDecidesAboutATrace(t *testing.T) {
	const trusted, untrusted = "10.0.0.1:5", "192.0.2.1:5"
	for _, c := range []struct {
		name, peer, parent string
		config             Config
		sampled, continued bool
	}{
		{"all", untrusted, "", Config{Sample: share(1)}, true, false},
		{"none", untrusted, "", Config{Sample: share(0)}, false, false},
		{"a client cannot force sampling", untrusted, sampledBy, Config{Sample: share(0)}, false, false},
		{"a client cannot prevent sampling", untrusted, unsampledBy, Config{Sample: share(1)}, true, false},
		{"a trusted peer decides", trusted, sampledBy, Config{Sample: share(0)}, true, true},
		{"a trusted peer decides against it", trusted, unsampledBy, Config{Sample: share(1)}, false, true},
		{"a trusted peer decides nothing", trusted, sampledBy, Config{Sample: share(0), IgnoreParent: true}, false, true},
		{"a trusted peer prevents nothing", trusted, unsampledBy, Config{Sample: share(1), IgnoreParent: true}, true, true},
		{"a malformed parent", trusted, "00-0-0-01", Config{Sample: share(1)}, true, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			to := newSpans(t)
			c.config.Endpoint = to.URL
			tracer := newTracer(t, c.config)
			headers := []string{"Baggage", "tenant=umbra", "Tracestate", "v=1"}
			if c.parent != "" {
				headers = append(headers, "Traceparent", c.parent)
			}
			sent, id, sampled := serve(tracer, c.peer, headers...)
			if sampled != c.sampled || (id == clientTrace) != c.continued || len(id) != 32 {
				t.Errorf("sampled: %v, trace %q", sampled, id)
			}
			flags := "00"
			if c.sampled {
				flags = "01"
			}
			parts := strings.Split(sent.Get("Traceparent"), "-")
			if len(parts) != 4 || parts[1] != id || parts[3] != flags || (parts[2] == clientSpan) != (c.continued && !c.sampled) {
				t.Errorf("the application gets the parent %q", sent.Get("Traceparent"))
			}
			if got := sent.Get("Baggage") != ""; got != (c.peer == trusted) {
				t.Errorf("the application gets the baggage %q", sent.Get("Baggage"))
			}
			if got := sent.Get("Tracestate") != ""; got != c.continued {
				t.Errorf("the application gets the state %q", sent.Get("Tracestate"))
			}
			if err := tracer.Close(t.Context()); err != nil {
				t.Fatal(err)
			}
			if (len(to.got) == 3) != c.sampled || (len(to.got) == 0) == c.sampled {
				t.Errorf("%d spans", len(to.got))
			}
			if c.sampled && c.parent != "" && !c.continued && c.peer == untrusted {
				if links := to.named("GET").Links; len(links) != 1 || trace.TraceID(links[0].TraceId).String() != clientTrace {
					t.Errorf("the links are %v", links)
				}
			}
		})
	}
}

func TestSpansAreThoseOfTheRequestWithoutSecrets(t *testing.T) {
	t.Setenv("OTEL_SERVICE_NAME", "from-environment")
	to := newSpans(t)
	tracer := newTracer(t, Config{Endpoint: to.URL, Sample: share(1), Headers: map[string]string{"authorization": "secret"}})
	sent, id, _ := serve(tracer, "192.0.2.1:5", "X-Forwarded-For", "203.0.113.9")
	if err := tracer.Close(t.Context()); err != nil {
		t.Fatal(err)
	}
	server, inner, client := to.named("GET"), to.named("inner"), to.named("HTTP GET")
	if server == nil || inner == nil || client == nil {
		t.Fatalf("the spans are %v", to.got)
	}
	for _, s := range []*otlp.Span{inner, client} {
		if string(s.ParentSpanId) != string(server.SpanId) || trace.TraceID(s.TraceId).String() != id {
			t.Errorf("%s is not within the request", s.Name)
		}
	}
	if parts := strings.Split(sent.Get("Traceparent"), "-"); parts[2] != trace.SpanID(client.SpanId).String() {
		t.Errorf("the application's parent is %v, want the exchange", parts)
	}
	if inner.Status.GetMessage() != "it failed" || len(inner.Attributes) != 2 || client.Kind != otlp.Span_SPAN_KIND_CLIENT || server.Kind != otlp.Span_SPAN_KIND_SERVER {
		t.Errorf("%v\n%v", inner, client)
	}
	for _, s := range to.got {
		if text := s.String(); strings.Contains(text, "secret") || strings.Contains(text, "203.0.113.9") {
			t.Errorf("a span has a secret, or an address that a client made up: %s", text)
		}
	}
	if to.service != "from-environment" || to.header.Get("Authorization") != "secret" {
		t.Errorf("the service is %q, the headers %v", to.service, to.header)
	}
	if s := tracer.Stats(); s != (Stats{Exported: 3}) {
		t.Errorf("%+v", s)
	}
}

func TestSpansAreDroppedAndCountedWhileTheCollectorIsDown(t *testing.T) {
	t.Setenv("OTEL_BSP_MAX_QUEUE_SIZE", "10")
	to := newSpans(t)
	to.status = http.StatusBadRequest // which is not tried again
	var log strings.Builder
	tracer := newTracer(t, Config{Endpoint: to.URL, Sample: share(1), Logger: slog.New(slog.NewTextHandler(&log, nil))})
	for range 100 {
		serve(tracer, "192.0.2.1:5")
	}
	if err := tracer.Close(t.Context()); err != nil {
		t.Fatal(err)
	}
	s := tracer.Stats()
	if s.Exported != 0 || s.Failed == 0 || s.Dropped == 0 || s.Failed+s.Dropped != 300 || s.Queued != 0 {
		t.Errorf("%+v, want 300 spans that are lost", s)
	}
	if strings.Count(log.String(), "does not take spans") != 1 {
		t.Errorf("the log is %s", log.String())
	}
}

// Spans wait in memory, and a collector refuses a batch that is too large: all of it, with
// the spans of other tenants.
func TestSpansDoNotGrowWithARequest(t *testing.T) {
	to := newSpans(t)
	tracer := newTracer(t, Config{Endpoint: to.URL, Sample: share(1)})
	long := strings.Repeat("é", 30000)
	r := httptest.NewRequest(strings.Repeat("M", 30000), "/"+long+"?token="+long, nil)
	r.Host, r.RemoteAddr = strings.Repeat("h", 30000), "10.0.0.1:5"
	r.Header.Set("User-Agent", long)
	r.Header.Set("X-Forwarded-For", long)
	tracer.Handler(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		for _, out := range []string{"http://app/" + long, "http://app/" + long + "?" + long} {
			sent, err := http.NewRequestWithContext(r.Context(), r.Method, out, nil)
			if err != nil {
				t.Fatal(err)
			}
			sent.Header = r.Header
			_, _ = tracer.Transport(roundTripper(func(*http.Request) (*http.Response, error) {
				return nil, errors.New("it failed")
			})).RoundTrip(sent)
		}
	})).ServeHTTP(httptest.NewRecorder(), follow(tracer, r))
	if err := tracer.Close(t.Context()); err != nil {
		t.Fatal(err)
	}
	if len(to.got) != 3 {
		t.Fatalf("%d spans, expected 3", len(to.got))
	}
	for _, s := range to.got {
		if size := proto.Size(s); size > 6*maxText || size < maxText {
			t.Errorf("a span of %d bytes: %.2000s", size, s)
		}
		if s.Name != "HTTP" {
			t.Errorf("a span has the name %.80q, expected HTTP: clients must not make names", s.Name)
		}
	}
}

func TestTheEnvironmentOfOpenTelemetryIsRead(t *testing.T) {
	to := newSpans(t)
	t.Setenv("OTEL_EXPORTER_OTLP_ENDPOINT", to.URL)
	for name, want := range map[string]bool{"always_on": true, "parentbased_always_off": false, "parentbased_traceidratio": false, "": true} {
		t.Setenv("OTEL_TRACES_SAMPLER", name)
		t.Setenv("OTEL_TRACES_SAMPLER_ARG", "0")
		if _, _, sampled := serve(newTracer(t, Config{}), "192.0.2.1:5"); sampled != want {
			t.Errorf("%q samples: %v", name, sampled)
		}
	}
	for _, bad := range [][2]string{{"jaeger_remote", "1"}, {"traceidratio", "2"}, {"traceidratio", "x"}} {
		t.Setenv("OTEL_TRACES_SAMPLER", bad[0])
		t.Setenv("OTEL_TRACES_SAMPLER_ARG", bad[1])
		if _, err := New(t.Context(), Config{}); err == nil || !strings.Contains(err.Error(), "OTEL_TRACES_SAMPLER") {
			t.Errorf("%q: %v", bad, err)
		}
	}
}

func TestTracesWithoutARequest(t *testing.T) {
	to := newSpans(t)
	tracer := newTracer(t, Config{Endpoint: to.URL, Sample: share(1)})
	ctx, event := tracer.Begin(t.Context(), "event")
	_, inner := tracer.Start(ctx, "inner")
	inner.End(nil)
	event.End(nil)
	if _, none := tracer.Start(context.Background(), "outside"); none != nil {
		t.Error("a span belongs to no trace")
	}
	header := http.Header{"Traceparent": {sampledBy}}
	if tracer.Propagate(context.Background(), header); header.Get("Traceparent") != sampledBy {
		t.Error("a request that is not followed is changed")
	}
	if err := tracer.Close(t.Context()); err != nil {
		t.Fatal(err)
	}
	if a, b := to.named("event"), to.named("inner"); a == nil || b == nil || string(b.ParentSpanId) != string(a.SpanId) {
		t.Errorf("the spans are %v", to.got)
	}
}

func TestARequestThatIsNotSampledMakesFewAllocations(t *testing.T) {
	tracer := newTracer(t, Config{Endpoint: newSpans(t).URL, Sample: share(0)})
	r := httptest.NewRequest("GET", "/", nil)
	q := new(Request)
	r = r.WithContext(&event{r.Context(), q})
	handler := tracer.Handler(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		_, span := tracer.Start(r.Context(), "inner")
		if tracer.Propagate(r.Context(), r.Header); span != nil {
			t.Error("it has a span")
		}
	}))
	n := testing.AllocsPerRun(100, func() {
		tracer.Decide(q, r)
		handler.ServeHTTP(nil, r)
	})
	if n > 1 { // the field traceparent
		t.Errorf("%v allocations, expected 1", n)
	}
}
