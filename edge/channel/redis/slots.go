package redis

import (
	"context"
	"errors"
)

// slots bound how many messages a tenant sends concurrently: half of the
// connections that all tenants share. So a tenant that sends very many or very
// long messages does not delay the others.
type slots chan struct{}

func (h *hosts) newSlots() slots { return make(slots, max(1, h.clients[0].Options().PoolSize/2)) }

// acquire waits for a slot; release frees it.
func (s slots) acquire(ctx context.Context) error {
	select {
	case s <- struct{}{}:
		return nil
	case <-ctx.Done():
		return waitError(ctx)
	}
}

func (s slots) release() { <-s }

// waitError returns the error of a wait that ctx ended. A deadline that passed
// counts as a broken wire; a cancellation does not.
func waitError(ctx context.Context) error {
	if errors.Is(ctx.Err(), context.DeadlineExceeded) {
		return broken(context.Cause(ctx))
	}
	return context.Cause(ctx)
}
