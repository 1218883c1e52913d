package redis

import (
	"context"
	"slices"
	"sync"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/tenantedge/tenantedge/edge/channel/internal/wire"
)

const (
	// passQueues is how many queues are read in one round trip. What that brings
	// has to arrive within answerTimeout, also when all of it are messages as
	// long as they may be: 256 MiB with a limit of 1 MiB.
	passQueues = 16
	// One queue gives takeFirst messages at first and takeMost at most later, but
	// not many more than takeBytes if they are like those before.
	takeFirst, takeMost, takeBytes = 4, 16, 256 << 10
)

// reader reads the queues of all tenants over one connection, each in its turn.
// It does not block in Redis, which would read queues in the order of the command
// and could wait for no further one meanwhile: it has Redis say which queue has
// changed, by the invalidations of client-side caching. A queue was read once
// ZPOPMIN took what there was and ZCARD, which Redis remembers, found none left.
//
// What is taken is handed over in a goroutine of the queue's own, and no more is
// taken from that queue meanwhile: what one tenant cannot keep up with waits in
// Redis, within the tenant's own capacity, and delays no other tenant. It is not kept aside
// as channels_redis does ($inflight): a process that ends takes its channels with
// it, so that what was kept would have no reader.
type reader struct {
	conn    *redis.Conn
	beat    time.Duration
	deliver func(wire.Tenant, redis.Z)
	wake    chan struct{}
	busy    sync.WaitGroup

	mu     sync.Mutex
	queues map[string]*queue
	ready  []*queue // to be read, the longest waiting first
}

// queue is where messages for one tenant's channels wait.
type queue struct {
	key    string
	tenant wire.Tenant
	take   int64
	listed bool // it is in ready
	busy   bool // what was taken is handed over
	again  bool // to be read after that
	ended  bool
}

// listen notes that a queue is to be read, with all that comes.
func (r *reader) listen(key string, tenant wire.Tenant) {
	r.mu.Lock()
	defer r.mu.Unlock()
	q := r.queues[key]
	if q == nil || q.tenant != tenant {
		if q != nil {
			q.ended = true
		}
		q = &queue{key: key, tenant: tenant, take: takeFirst}
		r.queues[key] = q
	}
	r.mark(q)
}

// ignore ends that.
func (r *reader) ignore(key string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if q := r.queues[key]; q != nil {
		q.ended = true
		delete(r.queues, key)
	}
}

// changed notes that queues have changed; with none, that any may have.
func (r *reader) changed(keys []string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, key := range keys {
		if q := r.queues[key]; q != nil {
			r.mark(q)
		}
	}
	if len(keys) == 0 {
		for _, q := range r.queues {
			r.mark(q)
		}
	}
}

// mark puts a queue at the end of those to be read.
func (r *reader) mark(q *queue) {
	switch {
	case q.ended, q.listed:
	case q.busy:
		q.again = true
	default:
		q.listed = true
		r.ready = append(r.ready, q)
		select {
		case r.wake <- struct{}{}:
		default:
		}
	}
}

// next returns queues to read.
func (r *reader) next() []*queue {
	r.mu.Lock()
	defer r.mu.Unlock()
	n := min(len(r.ready), passQueues)
	next := slices.Clone(r.ready[:n])
	if r.ready = slices.Delete(r.ready, 0, n); len(r.ready) == 0 {
		r.ready = nil
	}
	for _, q := range next {
		q.listed, q.busy, q.again = false, true, false
	}
	return next
}

// done notes that what was taken from a queue is handed over.
func (r *reader) done(q *queue, more bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	q.busy = false
	if more || q.again {
		r.mark(q)
	}
}

// run reads until something fails or ctx ends. It returns when all that was
// taken is handed over.
func (r *reader) run(ctx context.Context) error {
	defer r.busy.Wait()
	beat := time.NewTicker(r.beat)
	defer beat.Stop()
	for {
		if all := r.next(); len(all) > 0 {
			if err := r.pass(ctx, all); err != nil {
				return err
			}
			continue
		}
		select {
		case <-r.wake:
		case <-beat.C:
			if err := r.conn.Ping(ctx).Err(); err != nil {
				return err
			}
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
}

// pass reads some queues once.
func (r *reader) pass(ctx context.Context, all []*queue) error {
	taken, left := make([]*redis.ZSliceCmd, len(all)), make([]*redis.IntCmd, len(all))
	_, err := r.conn.Pipelined(ctx, func(p redis.Pipeliner) error {
		for i, q := range all {
			taken[i] = p.ZPopMin(ctx, q.key, q.take)
			left[i] = p.ZCard(ctx, q.key)
		}
		return nil
	})
	if err != nil {
		return err
	}
	for i, q := range all {
		messages, more := taken[i].Val(), left[i].Val() > 0
		if len(messages) == 0 {
			r.done(q, more)
			continue
		}
		q.take = takeNext(q.take, messages)
		r.busy.Go(func() {
			for _, z := range messages {
				r.deliver(q.tenant, z)
			}
			r.done(q, more)
		})
	}
	return nil
}

// takeNext returns how many messages to take the next time, so that they have
// about takeBytes if they are like the last ones.
func takeNext(take int64, last []redis.Z) int64 {
	bytes := 1
	for _, z := range last {
		if s, ok := z.Member.(string); ok {
			bytes += len(s)
		}
	}
	return max(1, min(2*take, takeMost, int64(takeBytes*len(last)/bytes)))
}
