package session

import (
	"context"
	"sync"
	"time"
)

// answer is the result of Store.SessionData.
type answer struct {
	data    string
	expires time.Time
	found   bool
	err     error
}

// lookups shares queries between requests with the same key: at most one query
// runs for a key, and requests that arrive while it runs share the next one. No
// request gets the answer of a query that was sent before the request arrived, so
// that a logout takes effect at the next request.
type lookups struct {
	query func(ctx context.Context, key string) answer

	mu      sync.Mutex
	running map[string]*lookup
}

// lookup is one query and the requests that wait for it.
type lookup struct {
	done   chan struct{} // closed once answer is set
	answer answer
	next   *lookup // nil: no request has arrived since the query was sent
}

func newLookup() *lookup { return &lookup{done: make(chan struct{})} }

// get returns the answer of a query, or the error of ctx if that ends first.
func (l *lookups) get(ctx context.Context, key string) answer {
	q := l.join(ctx, key)
	select {
	case <-q.done:
		return q.answer
	case <-ctx.Done():
		return answer{err: ctx.Err()}
	}
}

// join returns the lookup whose answer a request that arrives now may use.
func (l *lookups) join(ctx context.Context, key string) *lookup {
	l.mu.Lock()
	defer l.mu.Unlock()
	running := l.running[key]
	if running == nil {
		q := newLookup()
		l.running[key] = q
		// The query outlives this request, as other requests may use it.
		go l.run(context.WithoutCancel(ctx), key, q)
		return q
	}
	if running.next == nil {
		running.next = newLookup()
	}
	return running.next
}

// run runs queries for key until no request waits for one.
func (l *lookups) run(ctx context.Context, key string, q *lookup) {
	for q != nil {
		q.answer = l.query(ctx, key)
		close(q.done)
		l.mu.Lock()
		if q = q.next; q != nil {
			l.running[key] = q
		} else {
			delete(l.running, key)
		}
		l.mu.Unlock()
	}
}
