// Package hold keeps requests waiting while their tenant moves, and lets those of
// each tenant go on in the order in which they came:
//
//	for waiter := (*hold.Waiter)(nil); ; {
//		changed := directory.Changed()
//		if routed(request) { // decides, and serves after waiter.Leave(hold.Released)
//			return
//		}
//		if waiter == nil {
//			if waiter, outcome = room.Enter(tenant, size); waiter == nil {
//				return // refused
//			}
//			defer waiter.Leave(hold.Failed)
//		}
//		if outcome = waiter.Wait(ctx, changed); outcome != hold.Again {
//			return // refused
//		}
//	}
//
// Only the first request of a tenant looks at changes. When it leaves, the next one
// becomes the first and is routed again. So a change that does not concern a tenant
// costs one decision, however many of its requests wait, and the release of many is
// no stampede.
package hold

import (
	"context"
	"sync"
	"time"
)

// Limits bound a Room.
type Limits struct {
	Timeout  time.Duration // of one request
	Requests int           // that wait at once
	Bytes    int64         // the sum of their sizes
}

// Outcome is how a request stops waiting.
type Outcome int

// Outcomes.
const (
	Again        Outcome = iota // it must be routed again, and waits still
	Released                    // it goes on
	TimedOut                    // it waited for Limits.Timeout
	Canceled                    // its context ended
	Stopped                     // the room was closed
	OverRequests                // the limit of requests is reached
	OverBytes                   // the limit of bytes is reached
	Failed                      // the handler failed
	outcomes
)

// String returns the name of an outcome in metrics.
func (o Outcome) String() string {
	return [outcomes]string{"again", "released", "timed_out", "canceled", "shutdown", "over_requests", "over_bytes", "failed"}[o]
}

// Outcomes are those in Stats.Ended.
var Outcomes = []Outcome{Released, TimedOut, Canceled, Stopped, OverRequests, OverBytes, Failed}

// Tenant identifies a tenant.
type Tenant struct{ Schema, ID string }

// checkPause is the shortest time between two decisions that changes cause for the
// first request of a tenant: a bulk update may cause thousands of changes a second.
const checkPause = 10 * time.Millisecond

// Room holds the requests that wait.
type Room struct {
	limits Limits

	mu      sync.Mutex
	queues  map[Tenant]*queue // those with requests
	waiting int
	bytes   int64
	closed  bool
	ended   [outcomes]uint64
}

// queue holds the requests of a tenant.
type queue struct {
	tenant      Tenant
	first, last *Waiter
	waiting     int
	bytes       int64
}

// Waiter is a request that waits. Its methods are for the goroutine of the request.
type Waiter struct {
	room       *Room
	size       int64
	deadline   time.Time
	timer      *time.Timer
	turn       chan struct{} // has a value after ended or first was set
	checked    time.Time     // the last decision that a change caused
	prev, next *Waiter

	// Under the mutex of the room.
	queue *queue  // nil: it has left
	first bool    // of its queue
	ended Outcome // why it was made to leave
}

// NewRoom returns an empty room.
func NewRoom(l Limits) *Room { return &Room{limits: l, queues: map[Tenant]*queue{}} }

// Enter adds a request with the size in bytes that it takes in memory. It returns
// nil and the reason if there is no room. At a limit, the newest request of the
// tenant with the most requests, or bytes, leaves.
func (r *Room) Enter(t Tenant, size int64) (*Waiter, Outcome) {
	r.mu.Lock()
	defer r.mu.Unlock()
	q := r.queues[t]
	if q == nil {
		q = &queue{tenant: t}
	}
	if refused := r.makeRoom(q, size); refused != Again {
		r.ended[refused]++
		return nil, refused
	}
	w := &Waiter{room: r, size: size, deadline: time.Now().Add(r.limits.Timeout), timer: time.NewTimer(r.limits.Timeout), turn: make(chan struct{}, 1), queue: q}
	if w.prev = q.last; w.prev != nil {
		w.prev.next = w
	} else {
		q.first, w.first = w, true
		r.queues[t] = q
	}
	q.last = w
	q.add(1, size)
	r.add(1, size)
	return w, Again
}

// makeRoom makes room for a request of q, or returns why there is none. Of the
// others, only a tenant with more than q would have then gives its room.
func (r *Room) makeRoom(q *queue, size int64) Outcome {
	if r.closed {
		return Stopped
	}
	if size > r.limits.Bytes {
		return OverBytes
	}
	for r.waiting >= r.limits.Requests {
		most := r.most(func(q *queue) int64 { return int64(q.waiting) })
		if most == nil || most.waiting <= q.waiting+1 {
			return OverRequests
		}
		r.remove(most.last, OverRequests)
	}
	for r.bytes+size > r.limits.Bytes {
		most := r.most(func(q *queue) int64 { return q.bytes })
		if most == nil || most.bytes <= q.bytes+size {
			return OverBytes
		}
		r.remove(most.last, OverBytes)
	}
	return Again
}

func (r *Room) most(measure func(*queue) int64) (most *queue) {
	for _, q := range r.queues {
		if most == nil || measure(q) > measure(most) {
			most = q
		}
	}
	return most
}

// Wait waits until the request must be routed again: it has become the first of its
// tenant, or it is the first and changed is closed. The caller gets changed before it
// routes. For any other outcome, the request has left.
func (w *Waiter) Wait(ctx context.Context, changed <-chan struct{}) Outcome {
	var pause <-chan time.Time
	if !w.isFirst() {
		changed = nil
	}
	for {
		select {
		case <-w.turn:
			return w.woken()
		case <-changed:
			left := checkPause - time.Since(w.checked)
			if left <= 0 {
				w.checked = time.Now()
				return Again
			}
			changed, pause = nil, time.After(left)
		case <-pause:
			w.checked = time.Now()
			return Again
		case <-w.timer.C:
			return w.Leave(TimedOut)
		case <-ctx.Done():
			return w.Leave(Canceled)
		}
	}
}

// Deadline is when the request has waited for Limits.Timeout.
func (w *Waiter) Deadline() time.Time { return w.deadline }

func (w *Waiter) isFirst() bool {
	w.room.mu.Lock()
	defer w.room.mu.Unlock()
	return w.first
}

func (w *Waiter) woken() Outcome {
	w.room.mu.Lock()
	defer w.room.mu.Unlock()
	return w.ended // Again while it waits
}

// Leave makes the request leave, if it has not left, and returns how it left.
func (w *Waiter) Leave(o Outcome) Outcome {
	w.room.mu.Lock()
	defer w.room.mu.Unlock()
	w.room.remove(w, o)
	w.timer.Stop()
	return w.ended
}

// remove removes w unless it has left. The next request becomes the first.
func (r *Room) remove(w *Waiter, o Outcome) {
	q := w.queue
	if q == nil {
		return
	}
	if w.prev != nil {
		w.prev.next = w.next
	} else {
		q.first = w.next
	}
	if w.next != nil {
		w.next.prev = w.prev
	} else {
		q.last = w.prev
	}
	if next := q.first; next == nil {
		delete(r.queues, q.tenant)
	} else if w.first {
		next.first = true
		next.wake()
	}
	q.add(-1, -w.size)
	r.add(-1, -w.size)
	r.ended[o]++
	w.queue, w.ended, w.prev, w.next = nil, o, nil, nil
	w.wake()
}

func (w *Waiter) wake() {
	select {
	case w.turn <- struct{}{}:
	default: // it is being woken
	}
}

func (q *queue) add(n int, bytes int64) { q.waiting, q.bytes = q.waiting+n, q.bytes+bytes }
func (r *Room) add(n int, bytes int64)  { r.waiting, r.bytes = r.waiting+n, r.bytes+bytes }

// Reroute routes the first request of each tenant again, for example because another
// guest decides.
func (r *Room) Reroute() {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, q := range r.queues {
		q.first.wake()
	}
}

// Close makes all requests leave, and refuses new ones.
func (r *Room) Close() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.closed = true
	for _, q := range r.queues {
		for q.first != nil {
			r.remove(q.first, Stopped)
		}
	}
}

// Waiting returns how many requests of a tenant wait.
func (r *Room) Waiting(t Tenant) int {
	r.mu.Lock()
	defer r.mu.Unlock()
	if q := r.queues[t]; q != nil {
		return q.waiting
	}
	return 0
}

// Stats are the counters of a Room.
type Stats struct {
	Waiting int
	Bytes   int64
	Ended   map[Outcome]uint64 // requests that stopped waiting, or were refused, since the start
}

// Stats returns the counters.
func (r *Room) Stats() Stats {
	r.mu.Lock()
	defer r.mu.Unlock()
	s := Stats{Waiting: r.waiting, Bytes: r.bytes, Ended: make(map[Outcome]uint64, len(Outcomes))}
	for _, o := range Outcomes {
		s.Ended[o] = r.ended[o]
	}
	return s
}
