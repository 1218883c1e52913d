package serve

import (
	"log/slog"
	"net/http"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"github.com/tenantedge/tenantedge/edge/metrics"
)

// newMetrics creates the registry of /metrics, and registers what outlives
// configurations. The ledger adds what the generations count.
func (s *Server) newMetrics() {
	s.metrics = prometheus.NewRegistry()
	s.denied = prometheus.NewCounterVec(prometheus.CounterOpts{
		Name: "tenantedge_admin_denied_total", Help: "Requests on the admin listener without a valid token (unauthorized), with a role that is too small (forbidden), or after too many of them (limited).",
	}, []string{"outcome"})
	s.metrics.MustRegister(
		s.ledger, boundsCollector{s}, &s.clientFailures, s.denied, &reloadCollector{s}, certificateCollector{&s.ports},
		prometheus.NewCounterFunc(prometheus.CounterOpts{
			Name: "tenantedge_audit_failures_total", Help: "Records of the audit log that could not be written to its file.",
		}, func() float64 { return float64(s.audit.failures.Load()) }),
		prometheus.NewGaugeFunc(prometheus.GaugeOpts{
			Name: "tenantedge_requests_running", Help: "Requests in progress, including those that wait for an upstream.",
		}, func() float64 { return float64(s.generations.requests()) }),
		prometheus.NewCounterFunc(prometheus.CounterOpts{
			Name: "tenantedge_guest_signatures_refused_total", Help: "Guests that were refused because they have no signature, or one that is not valid or not by a trusted key.",
		}, func() float64 { return float64(s.unsigned.Load()) }),
	)
}

// newMetrics registers what a generation counts: guests, websockets, connections to
// upstreams and files.
func (s *generation) newMetrics() {
	s.metrics.MustRegister(
		metrics.New(metrics.Sources{Host: s.host.Stats, Websockets: s.websocketStats}),
		proxyCollector{s},
		s.latencies.requests, s.latencies.upstreams, s.latencies.failures,
		holdCollector{s},
		filesCollector{s.cache},
	)
	if s.parts == nil { // in tests
		s.metrics.MustRegister(metrics.New(metrics.Sources{Directory: s.options.Directory}))
	}
	if len(s.deciders) > 0 {
		s.metrics.MustRegister(decideCollector{s})
	}
	if s.hasBucket() {
		s.metrics.MustRegister(s.newBucketGauge())
	}
	if s.guestFile != nil {
		s.metrics.MustRegister(prometheus.NewGaugeFunc(prometheus.GaugeOpts{
			Name: "tenantedge_guest_file_refused", Help: "1 while the guest of guest.path is missing or refused and another guest serves.",
		}, func() float64 {
			if s.guestFile.degraded() != "" {
				return 1
			}
			return 0
		}))
	}
	if s.tracer != nil {
		s.metrics.MustRegister(traceCollector{s.tracer})
	}
	if s.acceptsUploads() {
		s.metrics.MustRegister(uploadCollector{s})
	}
	if s.options.Media != nil {
		s.metrics.MustRegister(prometheus.NewCounterFunc(prometheus.CounterOpts{
			Name: "tenantedge_files_too_deep_total", Help: "New files that were refused because they are nested deeper than media.max_depth folders.",
		}, s.tooDeep))
	}
}

// tooDeep returns how many new files were refused because they were below too
// many folders, whether clients or guests created them.
func (s *generation) tooDeep() float64 {
	var sum uint64
	for _, st := range s.table.stores {
		if n, ok := st.storage.(interface{ TooDeep() uint64 }); ok {
			sum += n.TooDeep()
		}
	}
	return float64(sum)
}

// Metrics returns the registry that /metrics exports, together with the figures of
// the process and its Go runtime. Programs may add their own collectors. It stays the
// same after a Reload, and no counter goes back.
func (s *Server) Metrics() *prometheus.Registry { return s.metrics }

func (s *Server) metricsHandler() http.Handler {
	process := prometheus.NewRegistry()
	process.MustRegister(collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	return promhttp.HandlerFor(prometheus.Gatherers{s.metrics, process}, promhttp.HandlerOpts{ErrorLog: slog.NewLogLogger(s.log.Handler(), slog.LevelError)})
}
