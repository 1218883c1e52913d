package serve

import (
	"net/http"
	"strconv"
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// latencyBounds are the bounds of the histograms of durations, in seconds: from an
// answer out of memory to a slow report of an application.
var latencyBounds = []float64{0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30}

// byClass are histograms of durations by the class of the status: 2xx to 5xx. Those of
// a label's value exist before the first observation, so that rates begin at 0.
type byClass [6]prometheus.Observer

func newByClass(vec prometheus.ObserverVec, labels ...string) *byClass {
	var all byClass
	for n := 2; n < len(all); n++ {
		all[n] = vec.WithLabelValues(append(labels, strconv.Itoa(n)+"xx")...)
	}
	return &all
}

// observe adds an answer. Switches to another protocol do not count: they take as long
// as the client stays.
func (b *byClass) observe(status int, took time.Duration) {
	if class := status / 100; class >= 2 && class < len(b) {
		b[class].Observe(took.Seconds())
	}
}

// latencies are the histograms of requests and of upstreams.
type latencies struct {
	requests, upstreams *prometheus.HistogramVec
	request             *byClass
	failures            *prometheus.CounterVec
}

func newLatencies() *latencies {
	l := &latencies{
		requests: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name:    "tenantedge_request_duration_seconds",
			Help:    "Time from the head of a request to the end of its answer, by the class of the status; without websockets.",
			Buckets: latencyBounds,
		}, []string{"status"}),
		upstreams: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name:    "tenantedge_upstream_response_duration_seconds",
			Help:    "Time from sending a request to the upstream until the head of its answer, by the class of the status; without websockets.",
			Buckets: latencyBounds,
		}, []string{"upstream", "status"}),
		failures: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "tenantedge_upstream_failures_total",
			Help: "Requests that the upstream did not answer, by reason: failed (502) or timeout (504).",
		}, []string{"upstream", "reason"}),
	}
	l.request = newByClass(l.requests)
	return l
}

// upstreamLatency are the figures of one application.
type upstreamLatency struct {
	answers         *byClass
	failed, timeout prometheus.Counter
}

func (l *latencies) upstream(address string) *upstreamLatency {
	return &upstreamLatency{newByClass(l.upstreams, address), l.failures.WithLabelValues(address, "failed"), l.failures.WithLabelValues(address, "timeout")}
}

// refused adds a request that the application did not answer.
func (u *upstreamLatency) refused(status int) {
	if status == http.StatusGatewayTimeout {
		u.timeout.Inc()
		return
	}
	u.failed.Inc()
}
