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
	// queuesPerRead is how many queues are read in one round trip. The reply has
	// to arrive within answerTimeout even if all messages have the maximum length:
	// 256 MiB for a limit of 1 MiB.
	queuesPerRead = 16
	// The first read of a queue takes takeFirst messages. A later one takes at most
	// takeMost, and about takeBytes if the messages are as long as the last ones.
	takeFirst, takeMost, takeBytes = 4, 16, 256 << 10
)

// reader reads the queues of all tenants over one connection, in turn. It does not
// use a blocking command, which would read queues in the order of its keys, and
// could not be extended by a queue while it blocks. Instead Redis notifies it of
// changed queues by the invalidations of client-side caching. A queue is read
// when ZPOPMIN returned its messages and ZCARD, whose key Redis tracks, returned
// zero.
//
// The messages of a queue are delivered in a goroutine, and the queue is not read
// meanwhile: the backlog of a slow tenant waits in Redis, within that tenant's
// capacity, and delays no other tenant. There is no backup in $inflight, as
// channels_redis keeps: the channels of a process end with it, so a backup would
// have no reader.
type reader struct {
	conn       *redis.Conn
	beat       time.Duration
	deliver    func(wire.Tenant, redis.Z)
	wake       chan struct{}
	delivering sync.WaitGroup

	mu     sync.Mutex
	queues map[string]*queue
	ready  []*queue // to be read, first in first out
}

// queue is the queue of one tenant.
type queue struct {
	key        string
	tenant     wire.Tenant
	take       int64
	listed     bool // it is in ready
	delivering bool // messages of it are being delivered
	again      bool // read it after the delivery
	ended      bool
}

// add starts reading a queue.
func (r *reader) add(key string, tenant wire.Tenant) {
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

// remove stops reading a queue.
func (r *reader) remove(key string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if q := r.queues[key]; q != nil {
		q.ended = true
		delete(r.queues, key)
	}
}

// changed marks queues as changed; without keys, all of them.
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

// mark appends a queue to ready.
func (r *reader) mark(q *queue) {
	switch {
	case q.ended, q.listed:
	case q.delivering:
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

// next removes queues from ready.
func (r *reader) next() []*queue {
	r.mu.Lock()
	defer r.mu.Unlock()
	n := min(len(r.ready), queuesPerRead)
	next := slices.Clone(r.ready[:n])
	if r.ready = slices.Delete(r.ready, 0, n); len(r.ready) == 0 {
		r.ready = nil
	}
	for _, q := range next {
		q.listed, q.delivering, q.again = false, true, false
	}
	return next
}

// done records that the messages of a queue have been delivered. more means that
// the queue has further messages.
func (r *reader) done(q *queue, more bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	q.delivering = false
	if more || q.again {
		r.mark(q)
	}
}

// run reads until an error, or until ctx ends. It returns after all deliveries.
func (r *reader) run(ctx context.Context) error {
	defer r.delivering.Wait()
	beat := time.NewTicker(r.beat)
	defer beat.Stop()
	for {
		if all := r.next(); len(all) > 0 {
			if err := r.readQueues(ctx, all); err != nil {
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

// readQueues reads queues once.
func (r *reader) readQueues(ctx context.Context, all []*queue) error {
	taken, remaining := make([]*redis.ZSliceCmd, len(all)), make([]*redis.IntCmd, len(all))
	_, err := r.conn.Pipelined(ctx, func(p redis.Pipeliner) error {
		for i, q := range all {
			taken[i] = p.ZPopMin(ctx, q.key, q.take)
			remaining[i] = p.ZCard(ctx, q.key)
		}
		return nil
	})
	if err != nil {
		return err
	}
	for i, q := range all {
		messages, more := taken[i].Val(), remaining[i].Val() > 0
		if len(messages) == 0 {
			r.done(q, more)
			continue
		}
		q.take = takeNext(q.take, messages)
		r.delivering.Go(func() {
			for _, z := range messages {
				r.deliver(q.tenant, z)
			}
			r.done(q, more)
		})
	}
	return nil
}

// takeNext returns how many messages to take next, so that they have about
// takeBytes if they are as long as the last ones.
func takeNext(take int64, last []redis.Z) int64 {
	bytes := 1
	for _, z := range last {
		if s, ok := z.Member.(string); ok {
			bytes += len(s)
		}
	}
	return max(1, min(2*take, takeMost, int64(takeBytes*len(last)/bytes)))
}
