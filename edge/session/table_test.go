package session

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

// database is a Store that can hang, fail and be slow.
type database struct {
	mu      sync.Mutex
	rows    map[string]answer
	err     error         // of every query
	silent  bool          // queries wait until their context ends
	takes   time.Duration // between reading a row and returning it
	queries int
}

func (d *database) SessionData(ctx context.Context, key string) (string, time.Time, bool, error) {
	d.mu.Lock()
	d.queries++
	a, err, silent, takes := d.rows[key], d.err, d.silent, d.takes
	d.mu.Unlock()
	if silent {
		<-ctx.Done()
		return "", time.Time{}, false, ctx.Err()
	}
	if takes > 0 {
		time.Sleep(takes)
	}
	return a.data, a.expires, a.found, err
}

func (d *database) set(change func(*database)) {
	d.mu.Lock()
	defer d.mu.Unlock()
	change(d)
}

func (d *database) has(key, data string) {
	d.set(func(d *database) {
		d.rows[key] = answer{data: data, expires: time.Now().Add(time.Hour), found: true}
	})
}

func (d *database) sent() int {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.queries
}

// inBubble runs a test of a table in fake time.
func inBubble(t *testing.T, age time.Duration, test func(t *testing.T, d *database, table *table)) {
	synctest.Test(t, func(t *testing.T) {
		d := &database{rows: map[string]answer{}}
		table := newTable(d, age, slog.New(slog.DiscardHandler))
		defer table.outage.Close()
		test(t, d, table)
		synctest.Wait()
	})
}

// expect fails the test unless the table returns the row, or the error.
func expect(t *testing.T, table *table, key, data string, err error) {
	t.Helper()
	a := table.row(t.Context(), key)
	if a.data != data || !errors.Is(a.err, err) || a.found != (data != "") {
		t.Errorf("%s: got %q, found %v, %v; want %q, %v", key, a.data, a.found, a.err, data, err)
	}
}

func TestRequestsWithOneSessionShareQueries_G3(t *testing.T) {
	inBubble(t, time.Minute, func(t *testing.T, d *database, table *table) {
		d.has("key", "a")
		d.takes = 100 * time.Millisecond
		var all sync.WaitGroup
		for range 100 {
			all.Go(func() { expect(t, table, "key", "a", nil) })
		}
		all.Wait()
		if d.sent() != 2 { // that of the first request, and one for those that arrived while it ran
			t.Errorf("100 requests sent %d queries, want 2", d.sent())
		}
	})
}

func TestALogoutHoldsForTheNextRequest_G3(t *testing.T) {
	inBubble(t, time.Minute, func(t *testing.T, d *database, table *table) {
		d.has("key", "a")
		d.takes = 100 * time.Millisecond
		var all sync.WaitGroup
		all.Go(func() { expect(t, table, "key", "a", nil) })
		time.Sleep(50 * time.Millisecond) // the row has been read, and is not returned yet
		d.set(func(d *database) { delete(d.rows, "key") })
		expect(t, table, "key", "", nil)
		all.Wait()
		d.set(func(d *database) { d.silent = true })
		expect(t, table, "key", "", context.DeadlineExceeded) // and it is not cached
	})
}

func TestAClientThatDisconnectsEndsNoQueryOfOthers_G3(t *testing.T) {
	inBubble(t, time.Minute, func(t *testing.T, d *database, table *table) {
		d.has("key", "a")
		d.takes = 100 * time.Millisecond
		client, leave := context.WithTimeout(t.Context(), 10*time.Millisecond)
		defer leave()
		var all sync.WaitGroup
		all.Go(func() {
			if a := table.row(client, "key"); !errors.Is(a.err, context.DeadlineExceeded) {
				t.Errorf("the client that has left got %q, %v", a.data, a.err)
			}
		})
		time.Sleep(time.Millisecond)
		expect(t, table, "key", "a", nil)
		all.Wait()
		if table.outage.Cause() != nil {
			t.Error("the client's timeout began an outage")
		}
	})
}

func TestTheCacheAnswersOnlyWhileTheStoreDoesNot_G3(t *testing.T) {
	inBubble(t, 10*time.Second, func(t *testing.T, d *database, table *table) {
		d.has("key", "a")
		expect(t, table, "key", "a", nil)
		d.has("key", "b")
		expect(t, table, "key", "b", nil) // the session has another tenant
		time.Sleep(time.Second)
		down := errors.New("connection refused")
		d.set(func(d *database) { d.err = down })
		expect(t, table, "key", "b", nil)
		expect(t, table, "other", "", down)
		time.Sleep(8 * time.Second)
		expect(t, table, "key", "b", nil)
		time.Sleep(time.Second) // the row has the maximum age
		expect(t, table, "key", "", down)
		d.set(func(d *database) { d.err, d.rows = nil, nil })
		time.Sleep(2 * probeInterval)
		expect(t, table, "key", "", nil)
	})
}

func TestACachedSessionEndsWithItsExpiry_G3(t *testing.T) {
	f := load(t)
	r, req := f.reader(t, f.named(t, "db", "tenant"))
	now := r.now()
	expires := now.Add(5 * time.Second)
	store := rows{rowKey: {data: r.table.store.(rows)[rowKey].data, expires: expires}}
	r.table.store = store
	if data := read(t, r, req); data == nil {
		t.Fatal("no session")
	}
	store[rowKey] = row{err: errors.New("connection refused")}
	for _, c := range []struct {
		at    time.Time
		valid bool
	}{{expires.Add(-time.Second), true}, {expires, false}} {
		r.now = func() time.Time { return c.at }
		if data := read(t, r, req); (data != nil) != c.valid {
			t.Errorf("at %v the session is %s", c.at, data)
		}
	}
	if got := r.StoreStats().FromCache; got != 2 {
		t.Errorf("the cache answered %d requests, want 2", got)
	}
}

func TestNoRequestWaitsForAnUnavailableStore_G3(t *testing.T) {
	inBubble(t, -1, func(t *testing.T, d *database, table *table) {
		d.set(func(d *database) { d.silent = true })
		began := time.Now()
		expect(t, table, "key", "", context.DeadlineExceeded)
		if took := time.Since(began); took != queryTimeout {
			t.Errorf("the first request waits %v, want %v", took, queryTimeout)
		}
		synctest.Wait() // the timeout of the query is over as well
		began = time.Now()
		for n := range 1000 {
			expect(t, table, fmt.Sprint("key", n), "", errUnavailable)
		}
		if took := time.Since(began); took != 0 {
			t.Errorf("those after it wait %v", took)
		}
		time.Sleep(time.Minute)
		if probes := d.sent() - 1; probes < 40 || probes > 60*int(time.Second/probeInterval) {
			t.Errorf("a minute of silence is probed %d times", probes)
		}
		d.set(func(d *database) { d.silent = false })
		time.Sleep(queryTimeout + 2*probeInterval)
		d.has("key", "a")
		expect(t, table, "key", "a", nil)
		probes := d.sent()
		time.Sleep(time.Minute)
		if d.sent() != probes {
			t.Error("a store that answers is probed")
		}
	})
}

// On a lossy network some queries fail while others succeed.
func TestAQueryThatIsLostIsNoOutageWhileOthersAreAnswered_G3(t *testing.T) {
	inBubble(t, -1, func(t *testing.T, d *database, table *table) {
		d.has("key", "a")
		d.set(func(d *database) { d.silent = true })
		var all sync.WaitGroup
		all.Go(func() { expect(t, table, "lost", "", context.DeadlineExceeded) })
		time.Sleep(queryTimeout / 2)
		d.set(func(d *database) { d.silent = false })
		expect(t, table, "key", "a", nil)
		all.Wait()
		expect(t, table, "key", "a", nil)
	})
}

func TestTheCacheIsBounded_G3(t *testing.T) {
	inBubble(t, time.Minute, func(t *testing.T, d *database, table *table) {
		table.cache.max = 10 * (rowOverhead + len("key0") + 1000)
		for n := range 30 {
			d.has(fmt.Sprint("key", n%10), strings.Repeat("x", 1000))
			d.has("large", strings.Repeat("x", table.cache.max))
			expect(t, table, fmt.Sprint("key", n%10), strings.Repeat("x", 1000), nil)
			expect(t, table, "large", strings.Repeat("x", table.cache.max), nil)
		}
		if n, bytes := table.cache.len(), table.cache.bytes; n != 10 || bytes != table.cache.max {
			t.Errorf("%d rows of %d bytes in %d", n, bytes, table.cache.max)
		}
		d.has("more", "x")
		expect(t, table, "more", "x", nil)
		if _, ok := table.cache.get("key0", time.Now()); ok || table.cache.bytes > table.cache.max {
			t.Errorf("%d bytes in %d; the oldest row is there: %v", table.cache.bytes, table.cache.max, ok)
		}
		time.Sleep(time.Minute)
		expect(t, table, "more", "x", nil)
		if n := table.cache.len(); n != 1 {
			t.Errorf("%d rows, want the one that has not expired", n)
		}
	})
}

func TestATableServesManyRequestsAtOnce_G3(t *testing.T) {
	d := &database{rows: map[string]answer{}}
	table := newTable(d, time.Minute, slog.New(slog.DiscardHandler))
	for n := range 4 {
		d.has(fmt.Sprint("key", n), "a")
	}
	var all sync.WaitGroup
	for n := range 8 {
		all.Go(func() {
			for i := range 500 {
				if n == 0 && i%50 == 0 {
					d.set(func(d *database) { d.err = errors.New("unavailable") })
				}
				if n == 0 && i%50 == 25 {
					d.set(func(d *database) { d.err = nil })
				}
				if a := table.row(t.Context(), fmt.Sprint("key", i%4)); a.err == nil && a.data != "a" {
					t.Errorf("got %q", a.data)
				}
			}
		})
	}
	all.Wait()
	table.outage.Close()
}
