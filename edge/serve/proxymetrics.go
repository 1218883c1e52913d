package serve

import (
	"sync/atomic"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/tenantedge/tenantedge/edge/upstream"
)

// clientFailures counts proxied requests that failed because of the client.
type clientFailures struct{ closed, malformed, tooLarge, slow atomic.Uint64 }

// of returns the counter of a cause.
func (c *clientFailures) of(cause upstream.Cause) *atomic.Uint64 {
	switch cause {
	case upstream.ClientSlow:
		return &c.slow
	case upstream.ClientTooLarge:
		return &c.tooLarge
	case upstream.ClientMalformed:
		return &c.malformed
	default:
		return &c.closed
	}
}

// Describe implements prometheus.Collector.
func (c *clientFailures) Describe(to chan<- *prometheus.Desc) { to <- clientFailuresDesc }

// Collect implements prometheus.Collector.
func (c *clientFailures) Collect(to chan<- prometheus.Metric) {
	for _, one := range []struct {
		reason string
		n      uint64
	}{{"closed", c.closed.Load()}, {"malformed", c.malformed.Load()}, {"too_large", c.tooLarge.Load()}, {"slow", c.slow.Load()}} {
		to <- prometheus.MustNewConstMetric(clientFailuresDesc, prometheus.CounterValue, float64(one.n), one.reason)
	}
}

// proxyCollector exports the counters of connections to upstreams.
type proxyCollector struct{ server *generation }

var (
	clientFailuresDesc = prometheus.NewDesc("tenantedge_proxy_client_failures_total",
		"Proxied requests that failed because of the client: it closed the connection (499 in the access log), or its body was malformed (400), too large (413) or too slow (408).", []string{"reason"}, nil)
	openedDesc = prometheus.NewDesc("tenantedge_upstream_connections_opened_total",
		"HTTP/1.1 connections opened to the upstream.", []string{"upstream"}, nil)
	reusedDesc = prometheus.NewDesc("tenantedge_upstream_connections_reused_total",
		"Requests sent on a reused connection.", []string{"upstream"}, nil)
	surplusDesc = prometheus.NewDesc("tenantedge_upstream_surplus_total",
		"Times the upstream sent bytes after the end of an answer.", []string{"upstream"}, nil)
	idleDesc = prometheus.NewDesc("tenantedge_upstream_connections_idle",
		"Idle HTTP/1.1 connections to the upstream.", []string{"upstream"}, nil)
	reusesDesc = prometheus.NewDesc("tenantedge_upstream_reuses_connections",
		"1 if connections to the upstream are reused, 0 until it has proven that it sends no bytes after an answer.", []string{"upstream"}, nil)
)

func (c proxyCollector) Describe(to chan<- *prometheus.Desc) {
	for _, d := range []*prometheus.Desc{openedDesc, reusedDesc, surplusDesc, idleDesc, reusesDesc} {
		to <- d
	}
}

func (c proxyCollector) Collect(to chan<- prometheus.Metric) {
	for address, s := range c.server.upstreamStats() {
		to <- prometheus.MustNewConstMetric(openedDesc, prometheus.CounterValue, float64(s.Opened), address)
		to <- prometheus.MustNewConstMetric(reusedDesc, prometheus.CounterValue, float64(s.Reused), address)
		to <- prometheus.MustNewConstMetric(surplusDesc, prometheus.CounterValue, float64(s.Surplus), address)
		to <- prometheus.MustNewConstMetric(idleDesc, prometheus.GaugeValue, float64(s.Idle), address)
		reuses := 0.0
		if s.Reuses {
			reuses = 1
		}
		to <- prometheus.MustNewConstMetric(reusesDesc, prometheus.GaugeValue, reuses, address)
	}
}

var (
	_ prometheus.Collector = proxyCollector{}
	_ prometheus.Collector = (*clientFailures)(nil)
)
