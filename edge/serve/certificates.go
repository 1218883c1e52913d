package serve

import "github.com/prometheus/client_golang/prometheus"

// certificateCollector exports when the certificates of the listeners expire.
type certificateCollector struct{ ports *ports }

var expiryDesc = prometheus.NewDesc("tenantedge_certificate_expiry_timestamp_seconds",
	"When the first certificate of a listener expires, as a Unix time.", []string{"listener"}, nil)

func (c certificateCollector) Describe(to chan<- *prometheus.Desc) { to <- expiryDesc }

func (c certificateCollector) Collect(to chan<- prometheus.Metric) {
	c.ports.mu.Lock()
	defer c.ports.mu.Unlock()
	for _, open := range c.ports.list {
		if len(open.certificates) == 0 {
			continue
		}
		first := open.certificates[0].Leaf.NotAfter
		for _, certificate := range open.certificates[1:] {
			if certificate.Leaf.NotAfter.Before(first) {
				first = certificate.Leaf.NotAfter
			}
		}
		to <- prometheus.MustNewConstMetric(expiryDesc, prometheus.GaugeValue, float64(first.Unix()), open.socket.Addr().String())
	}
}

var _ prometheus.Collector = certificateCollector{}
