package metrics

import (
	"cmp"
	"slices"
	"strconv"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/tenantedge/tenantedge/edge/stats"
)

var (
	requests = counter("requests_total", "Requests, by result.", "result")

	ignored = counter("sessions_ignored_total", "Requests routed without their session because it could not be read.")

	logWritten = counter("guest_log_records_total", "Log records with the output of guests, one per call.")
	logDropped = counter("guest_log_dropped_total", "Log records of guests dropped because they exceeded limits.guest.log_rate.")

	calls         = counter("guest_calls_total", "Calls of guests.")
	fuel          = counter("guest_fuel_total", "Fuel used by guests; the label fuel_version of guest_info is the version of its unit.")
	traps         = counter("guest_traps_total", "Calls in which the guest failed, by reason.", "reason")
	restored      = counter("guest_restored_bytes_total", "Bytes of guest memory restored after calls.")
	audits        = counter("guest_audits_total", "Comparisons of an instance with its memory image; an instance that differs is retired with reason audit.")
	queued        = counter("guest_queued_total", "Requests that waited for an instance.")
	timedOut      = counter("guest_queue_timeouts_total", "Requests that timed out waiting for an instance.")
	retired       = counter("guest_instances_retired_total", "Instances retired, by reason.", "reason")
	shrunk        = counter("guest_instances_shrunk_total", "Instances closed because they were idle.")
	instances     = gauge("guest_instances", "Instances of all guests.")
	busy          = gauge("guest_instances_busy", "Instances executing a call.")
	waiting       = gauge("guest_queue_waiting", "Requests waiting for an instance.")
	image         = gauge("guest_image_bytes", "Size of the memory image that every request starts from; instances share it.")
	swaps         = counter("guest_swaps_total", "Replacements of the guest, by kind: swap, rollback or failed.", "kind")
	draining      = gauge("guests_draining", "Superseded guests that still execute calls.")
	recorded      = counter("record_requests_total", "Requests chosen for the log of requests (record), by result: written or dropped. Dropped: the queue was full, the request was too large, or writing failed.", "result")
	recordedBytes = counter("record_bytes_total", "Bytes written to the log of requests.")
	recordErrors  = counter("record_errors_total", "Failures to write the log of requests.")
	callSeconds   = histogram("guest_call_duration_seconds", "Time of one in eight calls of the current guest, the previous one and the candidate, with the reset of its memory.", "digest")
	callFuel      = histogram("guest_call_fuel", "Fuel of calls of the current guest, the previous one and the candidate.", "digest")
	info          = gauge("guest_info", "The current guest and its engine; always 1.", "digest", "name", "version", "fuel_version", "compile_cache")

	trialInfo     = gauge("candidate_info", "The guest that is tried beside the current one; always 1. Absent: none is.", "digest", "name", "version", "kind")
	trialRequests = counter("candidate_requests_total", "Requests that the current guest and the candidate, or the last one, have decided.")
	trialFailures = counter("candidate_failures_total", "Calls in which the candidate failed.")
	trialCostly   = counter("candidate_costly_total", "Requests on which the candidate used more fuel than its limit.")
	trialDropped  = counter("candidate_dropped_total", "Requests for which a shadow was too slow.")
	trialDiffers  = counter("candidate_differences_total", "Decisions that differ, by what differs.", "kind")

	hostMetrics = []metric{requests, ignored, logWritten, logDropped, calls, fuel, traps, restored, audits, queued, timedOut, retired, shrunk,
		instances, busy, waiting, image, swaps, draining, recorded, recordedBytes, recordErrors, callSeconds, callFuel, info,
		trialInfo, trialRequests, trialFailures, trialCostly, trialDropped, trialDiffers}
)

// Reasons are exported as 0 before they first occur.
var (
	allTraps = []stats.Trap{stats.TrapFuel, stats.TrapDeadline, stats.TrapCancelled, stats.TrapDepth,
		stats.TrapMemory, stats.TrapCrash, stats.TrapExit, stats.TrapReply}
	allRetirements = []stats.Retirement{stats.RetiredWritten, stats.RetiredGrowth, stats.RetiredReset, stats.RetiredAudit, stats.RetiredAbandoned}
)

var allDifferences = []stats.Difference{stats.DiffersOutcome, stats.DiffersTenant, stats.DiffersURLConf, stats.DiffersPath,
	stats.DiffersLocation, stats.DiffersNames, stats.DiffersHeaders, stats.DiffersRoute}

// collectCandidate exports the figures of the trial of a guest. c is nil if there
// was none.
func collectCandidate(to chan<- prometheus.Metric, c *stats.Candidate) {
	if c == nil {
		c = &stats.Candidate{Ended: "never began"}
	}
	if c.Ended == "" {
		kind := "canary"
		if c.Shadow > 0 {
			kind = "shadow"
		}
		trialInfo.send(to, 1, c.Guest.Digest, c.Guest.Name, c.Guest.Version, kind)
	}
	trialRequests.send(to, float64(c.Judged))
	trialFailures.send(to, float64(c.Failures))
	trialCostly.send(to, float64(c.Costly))
	trialDropped.send(to, float64(c.Dropped))
	for _, kind := range allDifferences {
		trialDiffers.send(to, float64(c.Differences[kind]), string(kind))
	}
}

// collectHost exports totals of all guests that the Host has run, so that no
// counter decreases after a swap.
func collectHost(to chan<- prometheus.Metric, s stats.Host) {
	for result, n := range s.Requests {
		requests.send(to, float64(n), string(result))
	}
	ignored.send(to, float64(s.SessionsIgnored))
	logWritten.send(to, float64(s.LogWritten))
	logDropped.send(to, float64(s.LogDropped))
	t := &s.Total
	for _, reason := range allTraps {
		traps.send(to, float64(t.Traps[reason]), string(reason))
	}
	for _, reason := range allRetirements {
		retired.send(to, float64(t.Retired[reason]), string(reason))
	}
	calls.send(to, float64(t.Calls))
	fuel.send(to, float64(t.Fuel))
	restored.send(to, float64(t.Restored))
	audits.send(to, float64(t.Audits))
	queued.send(to, float64(t.Queued))
	timedOut.send(to, float64(t.TimedOut))
	shrunk.send(to, float64(t.Shrunk))
	instances.send(to, float64(t.Instances))
	busy.send(to, float64(t.Busy))
	waiting.send(to, float64(t.Waiting))
	image.send(to, float64(s.Engine.ImageBytes))
	swaps.send(to, float64(s.Swaps), "swap")
	swaps.send(to, float64(s.Rollbacks), "rollback")
	swaps.send(to, float64(s.FailedSwaps), "failed")
	draining.send(to, float64(s.Draining))
	if r := s.Record; r != nil {
		recorded.send(to, float64(r.Written), "written")
		recorded.send(to, float64(r.Dropped), "dropped")
		recordedBytes.send(to, float64(r.Bytes))
		recordErrors.send(to, float64(r.Errors))
	}
	info.send(to, 1, s.Guest.Digest, s.Guest.Name, s.Guest.Version, strconv.Itoa(s.Engine.FuelVersion), s.Engine.CompileCache)
	collectCandidate(to, s.Candidate)
	collectCalls(to, &s)
}

// collectCalls exports the distributions of up to three guests. Two of them may be
// of the same Wasm; then those of the first are exported.
func collectCalls(to chan<- prometheus.Metric, s *stats.Host) {
	type guest struct {
		digest  string
		program *stats.Program
	}
	all := []guest{{s.Guest.Digest, &s.Current}}
	if c := s.Candidate; c != nil && c.Ended == "" {
		all = append(all, guest{c.Guest.Digest, &c.Program})
	}
	if s.Previous.Digest != "" {
		all = append(all, guest{s.Previous.Digest, &s.Parked})
	}
	slices.SortStableFunc(all, func(a, b guest) int { return cmp.Compare(a.digest, b.digest) })
	for _, g := range slices.CompactFunc(all, func(a, b guest) bool { return a.digest == b.digest }) {
		callSeconds.sendHistogram(to, &g.program.CallSeconds, g.digest)
		callFuel.sendHistogram(to, &g.program.CallFuel, g.digest)
	}
}
