package serve

import (
	"github.com/prometheus/client_golang/prometheus"

	"github.com/tenantedge/tenantedge/edge/internal/hold"
)

// holdCollector exports the requests that wait in holds, by urlconf.
type holdCollector struct{ server *generation }

var (
	waitingDesc = prometheus.NewDesc("tenantedge_held_requests",
		"Requests that wait in a hold until their tenant has another urlconf.", []string{"urlconf"}, nil)
	waitingBytesDesc = prometheus.NewDesc("tenantedge_held_bytes",
		"Memory that is counted for the requests that wait in a hold.", []string{"urlconf"}, nil)
	heldDesc = prometheus.NewDesc("tenantedge_held_requests_total",
		"Requests that stopped waiting in a hold, or were refused by it: released, timed_out, canceled (the client disconnected), shutdown, "+
			"over_requests and over_bytes (at a limit of the hold), or failed.", []string{"urlconf", "outcome"}, nil)
)

func (c holdCollector) Describe(to chan<- *prometheus.Desc) {
	for _, d := range []*prometheus.Desc{waitingDesc, waitingBytesDesc, heldDesc} {
		to <- d
	}
}

func (c holdCollector) Collect(to chan<- prometheus.Metric) {
	for name, room := range c.server.rooms {
		s := room.Stats()
		to <- prometheus.MustNewConstMetric(waitingDesc, prometheus.GaugeValue, float64(s.Waiting), name)
		to <- prometheus.MustNewConstMetric(waitingBytesDesc, prometheus.GaugeValue, float64(s.Bytes), name)
		for _, o := range hold.Outcomes {
			to <- prometheus.MustNewConstMetric(heldDesc, prometheus.CounterValue, float64(s.Ended[o]), name, o.String())
		}
	}
}

var _ prometheus.Collector = holdCollector{}
