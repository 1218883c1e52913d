// Package metrics exports the statistics of an edge to Prometheus. `tenantedge
// serve` shows them under /metrics on its admin listener; embedders register
// them with a registry of their own:
//
//	prometheus.MustRegister(metrics.New(metrics.Sources{
//		Host:       host.Stats,
//		Websockets: host.WebsocketStats,
//		Directory:  directory.Stats,
//	}))
//
// Statistics are read at each scrape, at no cost to requests. No label names a
// tenant: there can be a million.
package metrics

import (
	"github.com/prometheus/client_golang/prometheus"

	"github.com/tenantedge/tenantedge/edge/session"
	"github.com/tenantedge/tenantedge/edge/stats"
	"github.com/tenantedge/tenantedge/edge/websocket"
	"github.com/tenantedge/tenantedge/tenantdb"
)

// Sources are the functions that return the statistics to export. Metrics
// whose source is nil are left out.
type Sources struct {
	Host       func() stats.Host      // Stats of an edge.Host
	Websockets func() websocket.Stats // WebsocketStats of an edge.Host; exports nothing where no websockets are served
	Directory  func() tenantdb.Stats  // Stats of a tenantdb.Directory
	Sessions   func() session.Stats   // Stats of a session.Reader

	SessionStore func() session.StoreStats // StoreStats of the same session.Reader
	Warnings     func() map[string]int     // number of warnings by kind, see config.WarningKinds
	LogsDropped  func() uint64             // number of log lines dropped because their reader was too slow
}

// New returns a collector of the statistics of s.
func New(s Sources) prometheus.Collector {
	c := &collector{}
	if s.Host != nil {
		c.add(hostMetrics, func(to chan<- prometheus.Metric) { collectHost(to, s.Host()) })
	}
	if s.Websockets != nil {
		c.add(websocketMetrics, func(to chan<- prometheus.Metric) { collectWebsockets(to, s.Websockets()) })
	}
	if s.Directory != nil {
		c.add(directoryMetrics, func(to chan<- prometheus.Metric) { collectDirectory(to, s.Directory()) })
	}
	if s.Sessions != nil {
		c.add([]metric{sessions}, func(to chan<- prometheus.Metric) { collectSessions(to, s.Sessions()) })
	}
	if s.SessionStore != nil {
		c.add(storeMetrics, func(to chan<- prometheus.Metric) { collectSessionStore(to, s.SessionStore()) })
	}
	if s.Warnings != nil {
		c.add([]metric{warnings}, func(to chan<- prometheus.Metric) {
			for kind, n := range s.Warnings() {
				warnings.send(to, float64(n), kind)
			}
		})
	}
	if s.LogsDropped != nil {
		c.add([]metric{linesDropped}, func(to chan<- prometheus.Metric) { linesDropped.send(to, float64(s.LogsDropped())) })
	}
	return c
}

var (
	warnings     = gauge("warnings", "Entries of the configuration and rows of the directory that are most likely mistakes, by kind; `tenantedge check` lists them.", "kind")
	linesDropped = counter("log_lines_dropped_total", "Log lines dropped because their reader was too slow.")
)

// collector joins the collectors of the sources that are set.
type collector struct {
	metrics []metric
	collect []func(chan<- prometheus.Metric)
}

func (c *collector) add(metrics []metric, collect func(chan<- prometheus.Metric)) {
	c.metrics = append(c.metrics, metrics...)
	c.collect = append(c.collect, collect)
}

func (c *collector) Describe(to chan<- *prometheus.Desc) {
	for _, f := range c.metrics {
		to <- f.desc
	}
}

func (c *collector) Collect(to chan<- prometheus.Metric) {
	for _, collect := range c.collect {
		collect(to)
	}
}

// metric is the name, help, labels and type of a metric.
type metric struct {
	desc *prometheus.Desc
	kind prometheus.ValueType
}

func counter(name, help string, labels ...string) metric {
	return metric{prometheus.NewDesc("tenantedge_"+name, help, labels, nil), prometheus.CounterValue}
}

func gauge(name, help string, labels ...string) metric {
	return metric{prometheus.NewDesc("tenantedge_"+name, help, labels, nil), prometheus.GaugeValue}
}

func histogram(name, help string, labels ...string) metric {
	return metric{desc: prometheus.NewDesc("tenantedge_"+name, help, labels, nil)}
}

// sendHistogram sends a histogram. Those of Prometheus count what is below each
// bound.
func (f metric) sendHistogram(to chan<- prometheus.Metric, h *stats.Histogram, labels ...string) {
	var below uint64
	buckets := make(map[float64]uint64, len(h.Bounds))
	for n, bound := range h.Bounds {
		below += h.Counts[n]
		buckets[bound] = below
	}
	to <- prometheus.MustNewConstHistogram(f.desc, below+h.Counts[len(h.Bounds)], h.Sum, buckets, labels...)
}

// send sends a sample of the metric.
func (f metric) send(to chan<- prometheus.Metric, value float64, labels ...string) {
	to <- prometheus.MustNewConstMetric(f.desc, f.kind, value, labels...)
}

// sendEach sends a sample for each value of the metric's label.
func (f metric) sendEach(to chan<- prometheus.Metric, values map[string]uint64) {
	for label, n := range values {
		f.send(to, float64(n), label)
	}
}

func boolean(b bool) float64 {
	if b {
		return 1
	}
	return 0
}

var _ prometheus.Collector = (*collector)(nil)
