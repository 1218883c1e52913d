package serve

import (
	"context"
	"net/http"
	"runtime/debug"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/tenantedge/tenantedge/edge"
	"github.com/tenantedge/tenantedge/edge/internal/tracing"
	"github.com/tenantedge/tenantedge/edge/upstream"
)

// openTracing makes the tracer of the section tracing, if there is one.
func (s *generation) openTracing(c *edge.Config) error {
	o := s.options.Tracing
	if o == nil {
		return nil
	}
	headers, err := o.Headers()
	if err != nil {
		return errorf("tracing: %w", err)
	}
	conf := tracing.Config{
		Endpoint: o.Endpoint, Headers: headers, Sample: (*float64)(o.Sample), IgnoreParent: o.IgnoreParent, Service: o.Service,
		TrustsPeer: func(r *http.Request) bool { return s.host.TrustsPeer(r) }, Logger: s.log,
	}
	if build, ok := debug.ReadBuildInfo(); ok {
		conf.Version = build.Main.Version
	}
	if s.tracer, err = tracing.New(s.base, conf); err != nil {
		return errorf("%w", err)
	}
	c.Tracer = s.tracer
	return nil
}

// traceTime is how long the spans that wait at the end may take to be sent.
const traceTime = 3 * time.Second

// closeTracing sends the spans that wait.
func (s *generation) closeTracing() {
	if s.tracer == nil {
		return
	}
	ctx, cancel := context.WithTimeout(context.Background(), traceTime)
	defer cancel()
	if err := s.tracer.Close(ctx); err != nil {
		s.log.Warn("spans were lost, since the collector of traces did not take them in time", "error", err)
	}
}

// trace lets the tracer follow requests to an application, if there is one.
func (s *generation) trace(c *upstream.Config) {
	if s.tracer != nil {
		c.Tracer, c.Around = s.tracer, s.tracer.Transport
	}
}

// traceCollector exports what happened to spans.
type traceCollector struct{ tracer *tracing.Tracer }

var (
	spansDesc = prometheus.NewDesc("tenantedge_trace_spans_total",
		"Spans of requests by result: exported, failed (the collector could not be reached or refused them) or dropped (the queue was full).", []string{"result"}, nil)
	queuedSpansDesc = prometheus.NewDesc("tenantedge_trace_spans_queued", "Spans that wait to be exported.", nil, nil)
)

func (c traceCollector) Describe(to chan<- *prometheus.Desc) {
	to <- spansDesc
	to <- queuedSpansDesc
}

func (c traceCollector) Collect(to chan<- prometheus.Metric) {
	s := c.tracer.Stats()
	for result, n := range map[string]uint64{"exported": s.Exported, "failed": s.Failed, "dropped": s.Dropped} {
		to <- prometheus.MustNewConstMetric(spansDesc, prometheus.CounterValue, float64(n), result)
	}
	to <- prometheus.MustNewConstMetric(queuedSpansDesc, prometheus.GaugeValue, float64(s.Queued))
}

var _ prometheus.Collector = traceCollector{}
