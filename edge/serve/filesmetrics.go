package serve

import (
	"github.com/prometheus/client_golang/prometheus"

	"github.com/tenantedge/tenantedge/edge/internal/files"
)

// filesCollector exports how the cache of small files is used.
type filesCollector struct{ cache *files.Cache }

var (
	fileCacheRequestsDesc = prometheus.NewDesc("tenantedge_file_cache_requests_total",
		"Requests for small files on disks by result: hit (sent from memory) or miss.", []string{"result"}, nil)
	fileCacheBytesDesc = prometheus.NewDesc("tenantedge_file_cache_bytes",
		"Memory that small files take. Its limit is limits.file_cache.", nil, nil)
)

func (c filesCollector) Describe(to chan<- *prometheus.Desc) {
	to <- fileCacheRequestsDesc
	to <- fileCacheBytesDesc
}

func (c filesCollector) Collect(to chan<- prometheus.Metric) {
	s := c.cache.Stats()
	to <- prometheus.MustNewConstMetric(fileCacheRequestsDesc, prometheus.CounterValue, float64(s.Hits), "hit")
	to <- prometheus.MustNewConstMetric(fileCacheRequestsDesc, prometheus.CounterValue, float64(s.Misses), "miss")
	to <- prometheus.MustNewConstMetric(fileCacheBytesDesc, prometheus.GaugeValue, float64(s.Bytes))
}

var _ prometheus.Collector = filesCollector{}
