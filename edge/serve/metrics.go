package serve

import (
	"log/slog"
	"net/http"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"github.com/tenantedge/tenantedge/edge/metrics"
)

// newMetrics creates the registry of /metrics: guests, websockets, directory,
// requests, connections and files.
func (s *Server) newMetrics() {
	s.metrics = prometheus.NewRegistry()
	s.metrics.MustRegister(
		metrics.New(metrics.Sources{Host: s.host.Stats, Websockets: s.host.WebsocketStats, Directory: s.options.Directory}),
		proxyCollector{s},
		boundsCollector{s},
		holdCollector{s},
		prometheus.NewGaugeFunc(prometheus.GaugeOpts{
			Name: "tenantedge_requests_running", Help: "Requests in progress, including those that wait for an upstream.",
		}, func() float64 { return float64(s.requests.Load()) }),
		filesCollector{s.cache},
		s.denied,
		prometheus.NewCounterFunc(prometheus.CounterOpts{
			Name: "tenantedge_guest_signatures_refused_total", Help: "Guests that were refused because they have no signature, or one that is not valid or not by a trusted key.",
		}, func() float64 { return float64(s.signatures.refused.Load()) }),
	)
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
func (s *Server) tooDeep() float64 {
	var sum uint64
	for _, st := range s.table.stores {
		if n, ok := st.storage.(interface{ TooDeep() uint64 }); ok {
			sum += n.TooDeep()
		}
	}
	return float64(sum)
}

// Metrics returns the registry that /metrics exports, together with the figures of
// the process and its Go runtime. Programs may add their own collectors.
func (s *Server) Metrics() *prometheus.Registry { return s.metrics }

func (s *Server) metricsHandler() http.Handler {
	process := prometheus.NewRegistry()
	process.MustRegister(collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	return promhttp.HandlerFor(prometheus.Gatherers{s.metrics, process}, promhttp.HandlerOpts{ErrorLog: slog.NewLogLogger(s.log.Handler(), slog.LevelError)})
}
