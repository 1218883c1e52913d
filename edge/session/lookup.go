package session

import (
	"context"
	"sync"
	"time"
)

// answer is what a store says of a key.
type answer struct {
	data    string
	expires time.Time
	found   bool
	err     error
}

// lookups asks a store. Requests with the same key share queries: at most one
// runs for a key, and those that come while it runs wait together for the
// next. A request is never answered by a query that was sent before it came,
// so that a logout holds for the next request.
type lookups struct {
	query func(ctx context.Context, key string) answer

	mu      sync.Mutex
	running map[string]*lookup
}

// lookup is one query and the requests that wait for it.
type lookup struct {
	done   chan struct{} // closed when there is an answer
	answer answer
	next   *lookup // nil: no request has come since the query was sent
}

func newLookup() *lookup { return &lookup{done: make(chan struct{})} }

// ask returns the answer of a query, or the error of ctx if that ends first.
func (l *lookups) ask(ctx context.Context, key string) answer {
	q := l.join(ctx, key)
	select {
	case <-q.done:
		return q.answer
	case <-ctx.Done():
		return answer{err: ctx.Err()}
	}
}

// join returns the lookup that a request which comes now has to wait for.
func (l *lookups) join(ctx context.Context, key string) *lookup {
	l.mu.Lock()
	defer l.mu.Unlock()
	running := l.running[key]
	if running == nil {
		q := newLookup()
		l.running[key] = q
		// The query is not this request's alone: it outlives its client.
		go l.run(context.WithoutCancel(ctx), key, q)
		return q
	}
	if running.next == nil {
		running.next = newLookup()
	}
	return running.next
}

// run sends queries for key until no request waits for one.
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
