package consumer

import (
	"context"
	"log/slog"
	"sync"
	"sync/atomic"

	"github.com/tenantedge/tenantedge/edge/internal/guests"
	"github.com/tenantedge/tenantedge/edge/stats"
)

// Set holds the websockets that the guest of a Host handles, and schedules their
// events. A client's message runs in the hub's worker that read it, if possible.
// Other events run in a few goroutines, which exist while events wait. They serve
// tenants in turn. At most half of the guest's instances (at least one) are used this
// way; the others remain for requests and clients' messages.
type Set struct {
	guests     *guests.Set
	logger     *slog.Logger
	maxRunning int

	failures, restarted, interrupted atomic.Uint64

	mu        sync.Mutex
	endpoints map[endpointKey]*endpoint
	owners    map[ownerKey]*owner
	// What only few consumers have is in tables, so that Consumer is small.
	openings map[*Consumer]*effects // of the open event, until Consumer.Open
	alarms   map[*Consumer]*alarm   // timers that are set
	last     *owner                 // a ring of tenants with events to run: its next is the first
	running  int                    // goroutines that run events
	empty    chan struct{}          // closed when the last endpoint is deleted; nil: Drain does not wait
}

// New returns a Set for guests with at most the given number of instances.
func New(g *guests.Set, logger *slog.Logger, instances int) *Set {
	return &Set{guests: g, logger: logger, maxRunning: max(1, instances/2)}
}

// Stats returns the counters.
func (set *Set) Stats() stats.Consumers {
	s := stats.Consumers{Failures: set.failures.Load(), Restarted: set.restarted.Load(), Interrupted: set.interrupted.Load()}
	set.mu.Lock()
	defer set.mu.Unlock()
	for _, ep := range set.endpoints {
		s.Open += ep.count
	}
	s.Ready = set.last != nil
	return s
}

// keepOpening stores the effects of the open event until Consumer.Open.
func (set *Set) keepOpening(c *Consumer, e *effects) {
	set.mu.Lock()
	defer set.mu.Unlock()
	if set.openings == nil {
		set.openings = map[*Consumer]*effects{}
	}
	set.openings[c] = e
}

// takeOpening removes and returns the effects that keepOpening stored, or nil.
func (set *Set) takeOpening(c *Consumer) *effects {
	set.mu.Lock()
	defer set.mu.Unlock()
	e := set.openings[c]
	delete(set.openings, c)
	return e
}

// Drain waits until every websocket is closed and all events are handled. Called
// after the hub has shut down and before the guests are closed, it lets guests handle
// every close event. The error is that of the context.
func (set *Set) Drain(ctx context.Context) error {
	set.mu.Lock()
	defer set.mu.Unlock()
	for len(set.endpoints) > 0 {
		if set.empty == nil {
			set.empty = make(chan struct{})
		}
		empty := set.empty
		set.mu.Unlock()
		select {
		case <-empty:
			set.mu.Lock()
		case <-ctx.Done():
			set.mu.Lock()
			return ctx.Err()
		}
	}
	return nil
}
