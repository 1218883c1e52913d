package serve

import "github.com/prometheus/client_golang/prometheus"

// boundsCollector shows how near the bounds of connections and requests are,
// and whom they stopped.
type boundsCollector struct{ server *Server }

var (
	connectionsDesc = prometheus.NewDesc("tenantedge_connections",
		"Clients' connections: those that wait for a request, those that serve one, and websockets.", []string{"state"}, nil)
	connectionsLimitDesc = prometheus.NewDesc("tenantedge_connections_limit",
		"Most connections of clients at once, and most requests that are served at once. Websockets that the edge handles itself count half.", nil, nil)
	connectionsClosedDesc = prometheus.NewDesc("tenantedge_connections_closed_total",
		"Connections closed at the limit: evicted waited longest for a request, refused were new while none waited.", []string{"reason"}, nil)
	tenantLimitDesc = prometheus.NewDesc("tenantedge_tenant_requests_limit",
		"Most requests of one tenant that are served at once.", nil, nil)
	overLimitDesc = prometheus.NewDesc("tenantedge_requests_over_limit_total",
		"Requests answered with 503: their tenant was at its limit, or the edge was.", []string{"limit"}, nil)
	slowDesc = prometheus.NewDesc("tenantedge_slow_clients_total",
		"Clients that were cut off: they sent a body, or took an answer, too slowly.", []string{"what"}, nil)
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
	gauge(connectionsLimitDesc, s.bounds.connections)
	gauge(tenantLimitDesc, s.bounds.share)
	count(connectionsClosedDesc, s.connections.evicted.Load(), "evicted")
	count(connectionsClosedDesc, s.connections.refused.Load(), "refused")
	count(overLimitDesc, s.shares.beyond.Load(), "tenant")
	count(overLimitDesc, s.shares.full.Load(), "total")
	count(slowDesc, s.slow.body.Load(), "body")
	count(slowDesc, s.slow.answer.Load(), "answer")
}

var _ prometheus.Collector = boundsCollector{}
