package serve

import (
	"strconv"

	"github.com/prometheus/client_golang/prometheus"
)

// The metrics of uploads. They are exported if a urlconf accepts uploads.
var (
	uploadsTotal = prometheus.NewDesc("tenantedge_uploads_total",
		"File operations of clients: files created, replaced and deleted, and resumable uploads begun and finished.", []string{"result"}, nil)
	uploadBytes   = prometheus.NewDesc("tenantedge_upload_bytes_total", "Bytes of uploads that were stored.", nil, nil)
	uploadRefused = prometheus.NewDesc("tenantedge_uploads_refused_total", "Uploads that failed, by the status of the answer.", []string{"status"}, nil)
)

// acceptsUploads reports whether any urlconf accepts uploads.
func (s *generation) acceptsUploads() bool {
	for _, c := range s.options.URLConfs {
		if c.Uploads != nil {
			return true
		}
	}
	return false
}

type uploadCollector struct{ server *generation }

func (c uploadCollector) Describe(to chan<- *prometheus.Desc) {
	to <- uploadsTotal
	to <- uploadBytes
	to <- uploadRefused
}

func (c uploadCollector) Collect(to chan<- prometheus.Metric) {
	count := func(d *prometheus.Desc, n uint64, labels ...string) {
		to <- prometheus.MustNewConstMetric(d, prometheus.CounterValue, float64(n), labels...)
	}
	s := c.server.uploadStats()
	count(uploadsTotal, s.Created, "created")
	count(uploadsTotal, s.Replaced, "replaced")
	count(uploadsTotal, s.Deleted, "deleted")
	count(uploadsTotal, s.Begun, "begun")
	count(uploadsTotal, s.Finished, "finished")
	count(uploadBytes, s.Bytes)
	for status, n := range s.Failed {
		count(uploadRefused, n, strconv.Itoa(status))
	}
}
