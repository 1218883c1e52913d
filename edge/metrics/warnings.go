package metrics

import "github.com/prometheus/client_golang/prometheus"

// Warnings collects how many warnings there are of each kind about the
// configuration and the rows of the directory.
func Warnings(counts func() map[string]int) prometheus.Collector { return warningsCollector{counts} }

type warningsCollector struct{ counts func() map[string]int }

var warnings = gauge("warnings", "Entries of the configuration and rows of the directory that are most likely mistakes, by kind; `tenantedge check` names them.", "kind")

// Describe implements prometheus.Collector.
func (c warningsCollector) Describe(to chan<- *prometheus.Desc) { to <- warnings.desc }

// Collect implements prometheus.Collector.
func (c warningsCollector) Collect(to chan<- prometheus.Metric) {
	for kind, n := range c.counts() {
		warnings.is(to, float64(n), kind)
	}
}
