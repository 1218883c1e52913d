package serve

import "github.com/prometheus/client_golang/prometheus"

// boundsCollector exports the numbers of connections and requests, their limits,
// and how many were refused.
type boundsCollector struct{ server *Server }

var (
	connectionsDesc = prometheus.NewDesc("tenantedge_connections",
		"Client connections by state: waiting for a request, serving a request, or websocket.", []string{"state"}, nil)
	connectionsLimitDesc = prometheus.NewDesc("tenantedge_connections_limit",
		"Limit of client connections and of concurrent requests. A websocket that the edge handles itself counts half.", nil, nil)
	connectionsClosedDesc = prometheus.NewDesc("tenantedge_connections_closed_total",
		"Connections closed at the limit: evicted (waiting longest for a request) or refused (new while none was waiting).", []string{"reason"}, nil)
	tenantLimitDesc = prometheus.NewDesc("tenantedge_tenant_requests_limit",
		"Limit of concurrent requests of one tenant.", nil, nil)
	overLimitDesc = prometheus.NewDesc("tenantedge_requests_over_limit_total",
		"Requests answered with 503 at the limit of their tenant or at the total limit.", []string{"limit"}, nil)
	slowDesc = prometheus.NewDesc("tenantedge_slow_clients_total",
		"Clients disconnected because they sent a body or read an answer too slowly.", []string{"transfer"}, nil)
)

func (c boundsCollector) Describe(to chan<- *prometheus.Desc) {
	for _, d := range []*prometheus.Desc{connectionsDesc, connectionsLimitDesc, connectionsClosedDesc, tenantLimitDesc, overLimitDesc, slowDesc} {
		to <- d
	}
}

func (c boundsCollector) Collect(to chan<- prometheus.Metric) {
	s := c.server
	gauge := func(d *prometheus.Desc, n int, labels ...string) {
		to <- prometheus.MustNewConstMetric(d, prometheus.GaugeValue, float64(n), labels...)
	}
	count := func(d *prometheus.Desc, n uint64, labels ...string) {
		to <- prometheus.MustNewConstMetric(d, prometheus.CounterValue, float64(n), labels...)
	}
	open, waiting := s.connections.count()
	handled, relayed, passing := s.websockets()
	gauge(connectionsDesc, waiting, "waiting")
	gauge(connectionsDesc, open-waiting, "serving")
	gauge(connectionsDesc, handled+relayed+passing, "websocket")
	gauge(connectionsLimitDesc, s.now().bounds.connections)
	gauge(tenantLimitDesc, s.now().bounds.share)
	count(connectionsClosedDesc, s.connections.evicted.Load(), "evicted")
	count(connectionsClosedDesc, s.connections.refused.Load(), "refused")
	count(overLimitDesc, s.shares.overShare.Load(), "tenant")
	count(overLimitDesc, s.shares.overTotal.Load(), "total")
	count(slowDesc, s.slow.body.Load(), "body")
	count(slowDesc, s.slow.answer.Load(), "answer")
}

var _ prometheus.Collector = boundsCollector{}
