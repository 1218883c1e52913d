package session

import (
	"container/list"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync/atomic"
	"time"

	"github.com/tenantedge/tenantedge/edge/internal/outage"
)

// errUnavailable is wrapped by the errors of requests that did not query the store
// because of an outage.
var errUnavailable = errors.New("the database is unavailable")

// queryTimeout limits a query, and the time that a request waits for one or two.
const queryTimeout = time.Second

// probeInterval is the time between two probes of an unavailable store.
const probeInterval = 250 * time.Millisecond

// probeKey is too short for a session key.
const probeKey = "probe"

// table reads the rows of a store.
type table struct {
	store   Store
	lookups lookups
	cache   cache
	outage  *outage.Outage

	queries, cached, skipped atomic.Uint64
}

func newTable(store Store, age time.Duration, logger *slog.Logger) *table {
	t := &table{store: store}
	t.cache = cache{age: age, max: maxCached, rows: map[string]*list.Element{}}
	t.lookups = lookups{query: t.query, running: map[string]*lookup{}}
	t.outage = outage.New("the database of the sessions", func(ctx context.Context) error { return t.send(ctx, probeKey).err }, probeInterval, logger)
	return t
}

// row returns the row of a key from the store or, while that fails, from the
// cache.
func (t *table) row(ctx context.Context, key string) answer {
	a := answer{err: t.outage.Cause()}
	if a.err != nil {
		t.skipped.Add(1)
		a.err = fmt.Errorf("%w: %w", errUnavailable, a.err)
	} else {
		limited, cancel := context.WithTimeout(ctx, queryTimeout)
		a = t.lookups.get(limited, key)
		cancel()
	}
	if a.err == nil || ctx.Err() != nil {
		return a
	}
	if row, ok := t.cache.get(key, time.Now()); ok {
		t.cached.Add(1)
		return row
	}
	return a
}

// query queries the store for a session that requests wait for.
func (t *table) query(ctx context.Context, key string) answer {
	if err := t.outage.Cause(); err != nil { // the outage began while they waited
		return answer{err: fmt.Errorf("%w: %w", errUnavailable, err)}
	}
	sent := time.Now()
	a := t.send(ctx, key)
	t.outage.Note(sent, a.err)
	if a.err == nil {
		t.cache.put(key, sent, a)
	}
	return a
}

// send queries the store for a key, for at most queryTimeout.
func (t *table) send(ctx context.Context, key string) (a answer) {
	ctx, cancel := context.WithTimeout(ctx, queryTimeout)
	defer cancel()
	t.queries.Add(1)
	a.data, a.expires, a.found, a.err = t.store.SessionData(ctx, key)
	return a
}

// StoreStats describes the use of the store and its cache.
type StoreStats struct {
	Queries     uint64 // sent, including probes
	FromCache   uint64 // requests that used a cached row
	Skipped     uint64 // requests that did not query the unavailable store; some used a cached row
	CachedRows  int
	Unavailable bool // requests do not query the store
}

// StoreStats returns the statistics since New. They are zero without a store.
func (r *Reader) StoreStats() StoreStats {
	t := r.table
	if t == nil {
		return StoreStats{}
	}
	return StoreStats{
		Queries: t.queries.Load(), FromCache: t.cached.Load(), Skipped: t.skipped.Load(),
		CachedRows: t.cache.len(), Unavailable: t.outage.Cause() != nil,
	}
}
