package serve

import (
	"slices"
	"strings"
	"sync"

	"github.com/prometheus/client_golang/prometheus"
	dto "github.com/prometheus/client_model/go"
	"google.golang.org/protobuf/proto"
)

// ledger adds up what configurations count, so that no counter goes back when one is
// replaced, or closed later. Gauges are those of the current configuration, except
// those in summed.
type ledger struct {
	mu       sync.Mutex
	accounts []*account
	past     map[string]*family // counters of those that were closed
}

// account is the registry of a generation, or of a service that generations share.
type account struct {
	registry *prometheus.Registry
	replaced bool // its gauges count no more
}

// summed are the gauges of what replaced configurations still use.
var summed = map[string]bool{
	"tenantedge_file_cache_bytes":          true,
	"tenantedge_guest_instances":           true,
	"tenantedge_guest_instances_busy":      true,
	"tenantedge_guest_queue_waiting":       true,
	"tenantedge_guests_draining":           true,
	"tenantedge_held_bytes":                true,
	"tenantedge_held_requests":             true,
	"tenantedge_upstream_connections_idle": true,
	"tenantedge_websockets":                true,
	"tenantedge_websocket_consumers":       true,
	"tenantedge_websocket_inflated_bytes":  true,
	"tenantedge_websocket_tenants":         true,
	"tenantedge_websocket_upstreams":       true,
	"tenantedge_websocket_workers":         true,
}

func newLedger() *ledger { return &ledger{past: map[string]*family{}} }

// add adds what a registry counts.
func (l *ledger) add(r *prometheus.Registry) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.accounts = append(l.accounts, &account{registry: r})
}

// current leaves out the gauges of all other registries from now on.
func (l *ledger) current(registries ...*prometheus.Registry) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, m := range l.accounts {
		m.replaced = !slices.Contains(registries, m.registry)
	}
}

// close keeps what the counters of a registry have reached, before what they count is
// closed.
func (l *ledger) close(r *prometheus.Registry) {
	l.mu.Lock()
	defer l.mu.Unlock()
	i := slices.IndexFunc(l.accounts, func(m *account) bool { return m.registry == r })
	if i < 0 {
		return
	}
	families, _ := r.Gather() // what can be gathered
	for _, f := range families {
		if f.GetType() != dto.MetricType_GAUGE {
			into(l.past, f)
		}
	}
	l.accounts = slices.Delete(l.accounts, i, i+1)
}

// family has the metrics of one name, by their labels.
type family struct {
	desc    *dto.MetricFamily // name, help and type
	metrics map[string]*dto.Metric
}

// into adds the metrics of a family to sums.
func into(sums map[string]*family, f *dto.MetricFamily) {
	sum := sums[f.GetName()]
	if sum == nil {
		sum = &family{f, map[string]*dto.Metric{}}
		sums[f.GetName()] = sum
	}
	for _, m := range f.GetMetric() {
		key := labelsOf(m)
		if before := sum.metrics[key]; before != nil {
			addTo(before, m)
		} else {
			sum.metrics[key] = proto.Clone(m).(*dto.Metric)
		}
	}
}

func labelsOf(m *dto.Metric) string {
	var b strings.Builder
	for _, l := range m.GetLabel() { // they are sorted
		b.WriteString(l.GetName())
		b.WriteByte(0)
		b.WriteString(l.GetValue())
		b.WriteByte(0)
	}
	return b.String()
}

// addTo adds the value of m to sum, which has the same type and labels.
func addTo(sum, m *dto.Metric) {
	switch {
	case m.Counter != nil:
		sum.Counter.Value = proto.Float64(sum.Counter.GetValue() + m.Counter.GetValue())
	case m.Gauge != nil:
		sum.Gauge.Value = proto.Float64(sum.Gauge.GetValue() + m.Gauge.GetValue())
	case m.Histogram != nil:
		addHistogram(sum.Histogram, m.Histogram)
	}
}

// addHistogram adds the buckets of h to those of sum with the same bounds.
func addHistogram(sum, h *dto.Histogram) {
	sum.SampleCount = proto.Uint64(sum.GetSampleCount() + h.GetSampleCount())
	sum.SampleSum = proto.Float64(sum.GetSampleSum() + h.GetSampleSum())
	for i, b := range h.GetBucket() {
		if i < len(sum.Bucket) {
			sum.Bucket[i].CumulativeCount = proto.Uint64(sum.Bucket[i].GetCumulativeCount() + b.GetCumulativeCount())
		}
	}
}

// Describe implements prometheus.Collector. It describes nothing, since the next
// configuration may have other metrics.
func (l *ledger) Describe(chan<- *prometheus.Desc) {}

// Collect implements prometheus.Collector.
func (l *ledger) Collect(to chan<- prometheus.Metric) {
	for _, f := range l.sums() {
		for _, m := range f.metrics {
			names := make([]string, len(m.GetLabel()))
			for i, label := range m.GetLabel() {
				names[i] = label.GetName()
			}
			to <- &sum{prometheus.NewDesc(f.desc.GetName(), f.desc.GetHelp(), names, nil), m}
		}
	}
}

func (l *ledger) sums() map[string]*family {
	l.mu.Lock()
	defer l.mu.Unlock()
	sums := map[string]*family{}
	for _, m := range l.accounts {
		families, err := m.registry.Gather()
		if err != nil {
			continue // the scrape fails below for the same reason, if it is one of the current configuration
		}
		for _, f := range families {
			if f.GetType() != dto.MetricType_GAUGE || !m.replaced || summed[f.GetName()] {
				into(sums, f)
			}
		}
	}
	for _, f := range l.past {
		if perGuest[f.desc.GetName()] {
			f.forgetBut(sums)
		}
		copied := &dto.MetricFamily{Name: f.desc.Name, Help: f.desc.Help, Type: f.desc.Type}
		for _, m := range f.metrics {
			copied.Metric = append(copied.Metric, m)
		}
		into(sums, copied)
	}
	return sums
}

// perGuest are the metrics with the digest of a guest.
var perGuest = map[string]bool{"tenantedge_guest_call_duration_seconds": true, "tenantedge_guest_call_fuel": true}

// forgetBut removes the metrics that sums does not have, of guests that are closed:
// their number has no bound.
func (f *family) forgetBut(sums map[string]*family) {
	kept := sums[f.desc.GetName()]
	for key := range f.metrics {
		if kept == nil || kept.metrics[key] == nil {
			delete(f.metrics, key)
		}
	}
}

// sum is a metric with a value that was added up.
type sum struct {
	desc  *prometheus.Desc
	value *dto.Metric
}

// Desc implements prometheus.Metric.
func (s *sum) Desc() *prometheus.Desc { return s.desc }

// Write implements prometheus.Metric.
func (s *sum) Write(to *dto.Metric) error {
	proto.Merge(to, s.value)
	return nil
}

var (
	_ prometheus.Collector = (*ledger)(nil)
	_ prometheus.Metric    = (*sum)(nil)
)
