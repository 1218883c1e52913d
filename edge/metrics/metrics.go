// Package metrics shows the figures of an edge to Prometheus. `tenantedge
// serve` has them under /metrics on its admin listener; embedders register them
// where theirs are:
//
//	prometheus.MustRegister(metrics.Host(host), metrics.Websockets(host.WebsocketStats),
//		metrics.Directory(directory.Stats))
//
// Everything is read when it is asked for, and costs requests nothing. No label
// names a tenant: there can be a million.
package metrics

import (
	"strconv"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/tenantedge/tenantedge/edge"
	"github.com/tenantedge/tenantedge/tenantdb"
)

// Statistics is a *edge.Host.
type Statistics interface{ Stats() edge.GuestStats }

// Host collects the figures of a Host: requests by what became of them, and
// its guests' calls, fuel, failures, instances and swaps. Counters add up all
// guests that the Host has had, so that a swap sets none back.
func Host(h Statistics) prometheus.Collector { return hostCollector{h} }

// Directory collects how large a directory is and how well it is kept.
func Directory(stats func() tenantdb.Stats) prometheus.Collector { return directoryCollector{stats} }

// figure is a metric with its labels.
type figure struct {
	desc *prometheus.Desc
	kind prometheus.ValueType
}

func counter(name, help string, labels ...string) figure {
	return figure{prometheus.NewDesc("tenantedge_"+name, help, labels, nil), prometheus.CounterValue}
}

func gauge(name, help string, labels ...string) figure {
	return figure{prometheus.NewDesc("tenantedge_"+name, help, labels, nil), prometheus.GaugeValue}
}

// is gives the figure a value.
func (f figure) is(to chan<- prometheus.Metric, value float64, labels ...string) {
	to <- prometheus.MustNewConstMetric(f.desc, f.kind, value, labels...)
}

var (
	requests = counter("requests_total", "Requests, by what became of them.", "result")

	ignored = counter("sessions_ignored_total", "Requests that were decided without their session, which could not be read.")

	logWritten = counter("guest_log_records_total", "Records of the log with what guests logged and printed, one a call.")
	logDropped = counter("guest_log_dropped_total", "Records with what guests logged and printed that were dropped because they exceeded limits.guest.log_rate.")

	calls        = counter("guest_calls_total", "Calls of guests.")
	fuel         = counter("guest_fuel_total", "Units of fuel that guests used; guest_info names the unit's version.")
	traps        = counter("guest_traps_total", "Calls that the guest failed at, by reason.", "reason")
	pages        = counter("guest_reset_pages_total", "Pages of memory put back after calls.")
	searches     = counter("guest_reset_searches_total", "Calls after which the kernel was asked which pages had changed.")
	audits       = counter("guest_audits_total", "Comparisons of an instance with the image; what they find is retired with reason audit.")
	queued       = counter("guest_queued_total", "Requests that had to wait for an instance.")
	refused      = counter("guest_queue_refused_total", "Requests that waited for an instance in vain.")
	retired      = counter("guest_instances_retired_total", "Instances that were closed early, by reason.", "reason")
	shrunk       = counter("guest_instances_shrunk_total", "Instances that were closed because nobody needed them.")
	instances    = gauge("guest_instances", "Instances of all guests.")
	lent         = gauge("guest_instances_busy", "Instances that are in a call.")
	waiting      = gauge("guest_queue_waiting", "Requests that wait for an instance.")
	image        = gauge("guest_image_bytes", "Memory that every request starts from; the instances share it.")
	swaps        = counter("guest_swaps_total", "Exchanges of the guest: swap, rollback, or failed.", "kind")
	draining     = gauge("guests_draining", "Superseded guests whose last calls still run.")
	info         = gauge("guest_info", "The guest that runs, and how; always 1.", "digest", "name", "version", "reset", "fault_gate", "fuel_version", "compile_cache")
	resetRefused = gauge("guest_reset_refused_info", "Better ways to put memory back that do not work here, and why; always 1.", "method", "why")

	tenants    = gauge("directory_tenants", "Tenants of the directory.")
	domains    = gauge("directory_domains", "Domains of the directory.")
	leftOut    = gauge("directory_refused_rows", "Rows that the last full load left out.")
	generation = gauge("directory_generation", "Grows with every change of the directory.")
	age        = gauge("directory_age_seconds", "Time since the directory was last known to be in step with its source; not there before it is loaded.")
	degraded   = gauge("directory_degraded", "1 where the directory may be out of date.")
	polling    = gauge("directory_polling", "1 while the source does not notify of changes and is polled for them.")
	unsaved    = gauge("directory_state_file_age_seconds", "Age of the oldest change that the state file does not hold, 0 if it holds all; absent without a state file.")
	unwritten  = counter("directory_state_file_failures_total", "Failed attempts to write the state file; absent without a state file.")
)

var (
	hostFigures = []figure{requests, ignored, logWritten, logDropped, calls, fuel, traps, pages, searches, audits, queued, refused, retired, shrunk,
		instances, lent, waiting, image, swaps, draining, info, resetRefused}
	directoryFigures = []figure{tenants, domains, leftOut, generation, age, degraded, polling, unsaved, unwritten}
)

// What has never happened is 0, and not missing.
var (
	allTraps = []edge.TrapReason{edge.TrapFuel, edge.TrapDeadline, edge.TrapCancelled, edge.TrapDepth,
		edge.TrapMemory, edge.TrapCrash, edge.TrapExit, edge.TrapReply}
	allRetirements = []edge.Retirement{edge.RetiredPages, edge.RetiredGrowth, edge.RetiredReset, edge.RetiredAudit, edge.RetiredAbandoned}
)

type hostCollector struct{ host Statistics }

func (c hostCollector) Describe(to chan<- *prometheus.Desc) { describe(to, hostFigures) }

func (c hostCollector) Collect(to chan<- prometheus.Metric) {
	s := c.host.Stats()
	for result, n := range s.Requests {
		requests.is(to, float64(n), string(result))
	}
	ignored.is(to, float64(s.SessionsIgnored))
	logWritten.is(to, float64(s.LogWritten))
	logDropped.is(to, float64(s.LogDropped))
	t := &s.Total
	for _, reason := range allTraps {
		traps.is(to, float64(t.Traps[reason]), string(reason))
	}
	for _, reason := range allRetirements {
		retired.is(to, float64(t.Retired[reason]), string(reason))
	}
	calls.is(to, float64(t.Calls))
	fuel.is(to, float64(t.Fuel))
	pages.is(to, float64(t.Pages))
	searches.is(to, float64(t.Searches))
	audits.is(to, float64(t.Audits))
	queued.is(to, float64(t.Queued))
	refused.is(to, float64(t.Refused))
	shrunk.is(to, float64(t.Shrunk))
	instances.is(to, float64(t.Instances))
	lent.is(to, float64(t.Lent))
	waiting.is(to, float64(t.Waiting))
	image.is(to, float64(s.Engine.ImageBytes))
	swaps.is(to, float64(s.Swaps), "swap")
	swaps.is(to, float64(s.Rollbacks), "rollback")
	swaps.is(to, float64(s.FailedSwaps), "failed")
	draining.is(to, float64(s.Draining))
	info.is(to, 1, s.Guest.Digest, s.Guest.Name, s.Guest.Version, s.Engine.Reset,
		strconv.FormatBool(s.Engine.FaultGate), strconv.Itoa(s.Engine.FuelVersion), s.Engine.CompileCache)
	for method, why := range s.Engine.ResetRefused {
		resetRefused.is(to, 1, method, why)
	}
}

type directoryCollector struct{ stats func() tenantdb.Stats }

func (c directoryCollector) Describe(to chan<- *prometheus.Desc) { describe(to, directoryFigures) }

func (c directoryCollector) Collect(to chan<- prometheus.Metric) {
	s := c.stats()
	tenants.is(to, float64(s.Tenants))
	domains.is(to, float64(s.Domains))
	leftOut.is(to, float64(s.Refused))
	generation.is(to, float64(s.Generation))
	if !s.SyncedAt.IsZero() {
		age.is(to, s.Age.Seconds())
	}
	degraded.is(to, truth(s.Degraded != ""))
	polling.is(to, truth(s.Upkeep.Polling != ""))
	if s.Upkeep.StateFile != "" {
		unsaved.is(to, s.Upkeep.StateAge().Seconds())
		unwritten.is(to, float64(s.Upkeep.SaveFailures))
	}
}

func truth(b bool) float64 {
	if b {
		return 1
	}
	return 0
}

func describe(to chan<- *prometheus.Desc, all []figure) {
	for _, f := range all {
		to <- f.desc
	}
}

var (
	_ prometheus.Collector = hostCollector{}
	_ prometheus.Collector = directoryCollector{}
	_ Statistics           = (*edge.Host)(nil)
)
