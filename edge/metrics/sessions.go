package metrics

import (
	"github.com/prometheus/client_golang/prometheus"

	"github.com/tenantedge/tenantedge/edge/session"
)

// Sessions collects how sessions were read; the functions are a Reader's Stats
// and StoreStats.
func Sessions(stats func() session.Stats, store func() session.StoreStats) prometheus.Collector {
	return sessionsCollector{stats, store}
}

var (
	sessions       = counter("sessions_total", "Requests, by what became of their session; failed: it could not be read.", "result")
	sessionQueries = counter("session_queries_total", "Queries for sessions, with those that probe a database that is away.")
	sessionCached  = counter("session_cache_answers_total", "Requests that the cache answered, because the database did not.")
	sessionUnasked = counter("session_unasked_total", "Requests that did not wait for the database, because it was away.")
	sessionRows    = gauge("session_cache_rows", "Sessions in the cache.")
	sessionAway    = gauge("sessions_away", "1 while the database of the sessions is known not to answer.")

	sessionFigures = []figure{sessions, sessionQueries, sessionCached, sessionUnasked, sessionRows, sessionAway}
)

type sessionsCollector struct {
	stats func() session.Stats
	store func() session.StoreStats
}

func (c sessionsCollector) Describe(to chan<- *prometheus.Desc) { describe(to, sessionFigures) }

func (c sessionsCollector) Collect(to chan<- prometheus.Metric) {
	s, store := c.stats(), c.store()
	for result, n := range map[string]uint64{
		"valid": s.Valid, "absent": s.Absent, "unknown": s.Unknown, "expired": s.Expired,
		"forged": s.Forged, "pickled": s.Pickled, "unreadable": s.Unreadable, "failed": s.Failed,
	} {
		sessions.is(to, float64(n), result)
	}
	sessionQueries.is(to, float64(store.Queries))
	sessionCached.is(to, float64(store.FromCache))
	sessionUnasked.is(to, float64(store.Unasked))
	sessionRows.is(to, float64(store.CachedRows))
	away := 0.0
	if store.Away {
		away = 1
	}
	sessionAway.is(to, away)
}

var _ prometheus.Collector = sessionsCollector{}
