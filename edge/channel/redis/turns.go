package redis

import (
	"context"
	"errors"
)

// turns are how many messages a tenant may be sending at the same time: half
// of the connections that all tenants share, so that whoever sends very many,
// or very long ones, does not keep the others waiting.
type turns chan struct{}

func (h *hosts) newTurns() turns { return make(turns, max(1, h.clients[0].Options().PoolSize/2)) }

// take waits for a turn; give ends it.
func (t turns) take(ctx context.Context) error {
	select {
	case t <- struct{}{}:
		return nil
	case <-ctx.Done():
		return late(ctx)
	}
}

func (t turns) give() { <-t }

// late is the error of who waited in vain: a host that takes so long is as good
// as broken, but whoever no longer wanted to wait knows.
func late(ctx context.Context) error {
	if errors.Is(ctx.Err(), context.DeadlineExceeded) {
		return broken(context.Cause(ctx))
	}
	return context.Cause(ctx)
}
