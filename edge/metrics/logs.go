package metrics

import "github.com/prometheus/client_golang/prometheus"

// Logs collects the number of log lines that were dropped because their reader
// was too slow.
func Logs(dropped func() uint64) prometheus.Collector {
	return prometheus.NewCounterFunc(prometheus.CounterOpts{
		Name: "tenantedge_log_lines_dropped_total", Help: "Lines of the log that were dropped because their reader was too slow.",
	}, func() float64 { return float64(dropped()) })
}
