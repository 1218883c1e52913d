package metrics

import (
	"github.com/prometheus/client_golang/prometheus"

	"github.com/tenantedge/tenantedge/tenantdb"
)

var (
	tenants      = gauge("directory_tenants", "Tenants in the directory.")
	domains      = gauge("directory_domains", "Domains in the directory.")
	invalidRows  = gauge("directory_invalid_rows", "Invalid rows that the last full load left out.")
	generation   = gauge("directory_generation", "Increases with every change of the directory.")
	age          = gauge("directory_age_seconds", "Time since the directory was last known to match its source; absent before the first load.")
	degraded     = gauge("directory_degraded", "1 while the directory may be out of date.")
	polling      = gauge("directory_polling", "1 while the source sends no notifications and is polled for changes instead.")
	stateFileAge = gauge("directory_state_file_age_seconds", "Age of the oldest change that is not in the state file, 0 if all are; absent without a state file.")
	saveFailures = counter("directory_state_file_failures_total", "Failed writes of the state file; absent without a state file.")

	directoryMetrics = []metric{tenants, domains, invalidRows, generation, age, degraded, polling, stateFileAge, saveFailures}
)

func collectDirectory(to chan<- prometheus.Metric, s tenantdb.Stats) {
	tenants.send(to, float64(s.Tenants))
	domains.send(to, float64(s.Domains))
	invalidRows.send(to, float64(s.LeftOut))
	generation.send(to, float64(s.Generation))
	if !s.SyncedAt.IsZero() {
		age.send(to, s.Age.Seconds())
	}
	degraded.send(to, boolean(s.Degraded != ""))
	polling.send(to, boolean(s.Upkeep.Polling != ""))
	if s.Upkeep.StateFile != "" {
		stateFileAge.send(to, s.Upkeep.StateAge().Seconds())
		saveFailures.send(to, float64(s.Upkeep.SaveFailures))
	}
}
