package server

import (
	"log/slog"
	"net/http"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"github.com/tenantedge/tenantedge/edge/metrics"
)

// newMetrics registers what /metrics shows: the guests, the directory, the
// process and its Go runtime.
func (s *Server) newMetrics() {
	s.metrics = prometheus.NewRegistry()
	s.metrics.MustRegister(
		metrics.Host(s.host),
		metrics.Websockets(s.host.WebsocketStats),
		proxyCollector{s},
		boundsCollector{s},
		prometheus.NewGaugeFunc(prometheus.GaugeOpts{
			Name: "tenantedge_requests_running", Help: "Requests that run at this moment, upstreams included.",
		}, func() float64 { return float64(s.requests.Load()) }),
		collectors.NewGoCollector(),
		collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}),
	)
	if s.guestFile != nil {
		s.metrics.MustRegister(prometheus.NewGaugeFunc(prometheus.GaugeOpts{
			Name: "tenantedge_guest_file_refused", Help: "1 while the guest of guest.path is missing or refused and another one decides.",
		}, func() float64 {
			if s.guestFile.degraded() != "" {
				return 1
			}
			return 0
		}))
	}
	if s.takesUploads() {
		s.metrics.MustRegister(uploadCollector{s})
	}
	if s.options.Directory != nil {
		s.metrics.MustRegister(metrics.Directory(s.options.Directory))
	}
}

// Metrics is where other parts of the edge register what /metrics shows of
// them.
func (s *Server) Metrics() prometheus.Registerer { return s.metrics }

func (s *Server) metricsHandler() http.Handler {
	return promhttp.HandlerFor(s.metrics, promhttp.HandlerOpts{ErrorLog: slog.NewLogLogger(s.log.Handler(), slog.LevelError)})
}
