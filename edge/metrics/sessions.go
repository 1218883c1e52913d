package metrics

import (
	"github.com/prometheus/client_golang/prometheus"

	"github.com/tenantedge/tenantedge/edge/session"
)

var (
	sessions = counter("sessions_total", "Requests, by the state of their session; failed: it could not be read.", "result")

	sessionQueries     = counter("session_queries_total", "Database queries for sessions, including those that probe an unavailable database.")
	sessionCached      = counter("session_cache_answers_total", "Requests whose session came from the cache because the database did not answer.")
	sessionSkipped     = counter("session_queries_skipped_total", "Requests that did not query the database because it was unavailable.")
	sessionRows        = gauge("session_cache_rows", "Sessions in the cache.")
	sessionUnavailable = gauge("session_database_unavailable", "1 while the session database is known to be unavailable.")

	storeMetrics = []metric{sessionQueries, sessionCached, sessionSkipped, sessionRows, sessionUnavailable}
)

func collectSessions(to chan<- prometheus.Metric, s session.Stats) {
	sessions.sendEach(to, map[string]uint64{
		"valid": s.Valid, "absent": s.Absent, "unknown": s.Unknown, "expired": s.Expired,
		"forged": s.Forged, "pickled": s.Pickled, "unreadable": s.Unreadable, "failed": s.Failed,
	})
}

func collectSessionStore(to chan<- prometheus.Metric, s session.StoreStats) {
	sessionQueries.send(to, float64(s.Queries))
	sessionCached.send(to, float64(s.FromCache))
	sessionSkipped.send(to, float64(s.Skipped))
	sessionRows.send(to, float64(s.CachedRows))
	sessionUnavailable.send(to, boolean(s.Unavailable))
}
