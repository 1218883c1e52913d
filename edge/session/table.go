package session

import (
	"container/list"
	"context"
	"fmt"
	"log/slog"
	"sync/atomic"
	"time"
)

// longest bounds a query, and how long a request waits for one or two.
const longest = time.Second

// pause is how long a store that is away is left alone between two probes.
const pause = 250 * time.Millisecond

// table reads the rows of a store.
type table struct {
	store   Store
	lookups lookups
	cache   cache
	outage  *outage

	queries, cached, unasked atomic.Uint64
}

func newTable(store Store, age time.Duration, logger *slog.Logger) *table {
	t := &table{store: store}
	t.cache = cache{age: age, most: mostCached, rows: map[string]*list.Element{}}
	t.lookups = lookups{query: t.query, running: map[string]*lookup{}}
	t.outage = newOutage(func(ctx context.Context) error { return t.send(ctx, probeKey).err }, pause, logger)
	return t
}

// row returns the row of a key: from the store, or, while that does not answer,
// the one that was read last.
func (t *table) row(ctx context.Context, key string) answer {
	a := answer{err: t.outage.away()}
	if a.err != nil {
		t.unasked.Add(1)
		a.err = fmt.Errorf("%w: %w", errAway, a.err)
	} else {
		limited, cancel := context.WithTimeout(ctx, longest)
		a = t.lookups.ask(limited, key)
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

// query asks the store for a session that requests wait for.
func (t *table) query(ctx context.Context, key string) answer {
	if err := t.outage.away(); err != nil { // since they began to wait
		return answer{err: fmt.Errorf("%w: %w", errAway, err)}
	}
	sent := time.Now()
	a := t.send(ctx, key)
	t.outage.note(sent, a.err)
	if a.err == nil {
		t.cache.put(key, sent, a)
	}
	return a
}

// send asks the store for a key, within the time that a query has.
func (t *table) send(ctx context.Context, key string) (a answer) {
	ctx, cancel := context.WithTimeout(ctx, longest)
	defer cancel()
	t.queries.Add(1)
	a.data, a.expires, a.found, a.err = t.store.SessionData(ctx, key)
	return a
}

// StoreStats are the figures of the store and of what stands in for it.
type StoreStats struct {
	Queries    uint64 // that were sent, probes included
	FromCache  uint64 // requests that were answered from the cache
	Unasked    uint64 // requests that did not wait for the store, because it was away; the cache answered some
	CachedRows int
	Away       bool // the store is known not to answer
}

// StoreStats returns the figures since New; they are zero without a store.
func (r *Reader) StoreStats() StoreStats {
	t := r.table
	if t == nil {
		return StoreStats{}
	}
	return StoreStats{
		Queries: t.queries.Load(), FromCache: t.cached.Load(), Unasked: t.unasked.Load(),
		CachedRows: t.cache.len(), Away: t.outage.away() != nil,
	}
}
