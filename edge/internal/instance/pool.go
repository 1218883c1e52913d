package instance

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"
	"time"
)

// ErrBusy says that no instance came free in the time that a request may wait.
var ErrBusy = errors.New("instance: all instances are busy")

// pool lends instances out. It starts with one and makes more when they are
// asked for, up to a bound; then requests queue.
type pool struct {
	free  chan *Instance
	room  chan struct{} // one token per instance that may still be made
	spent atomic.Int64  // instances dropped because a call broke them
}

func (p *pool) init(limit int, first *Instance) {
	p.free = make(chan *Instance, limit)
	p.room = make(chan struct{}, limit)
	for range limit - 1 {
		p.room <- struct{}{}
	}
	p.free <- first
}

// Borrow takes an instance for the caller alone. It waits at most the queue
// timeout (ErrBusy) or until ctx ends. Every borrowed instance must be returned.
func (p *Program) Borrow(ctx context.Context) (*Instance, error) {
	select {
	case i := <-p.pool.free:
		return i, nil
	default:
	}
	select {
	case <-p.pool.room:
		return p.grow(ctx)
	default:
	}
	return p.wait(ctx)
}

func (p *Program) wait(ctx context.Context) (*Instance, error) {
	timer := time.NewTimer(p.options.QueueTimeout)
	defer timer.Stop()
	select {
	case i := <-p.pool.free:
		return i, nil
	case <-p.pool.room: // a broken one made room
		return p.grow(ctx)
	case <-ctx.Done():
		return nil, ctx.Err()
	case <-timer.C:
		return nil, fmt.Errorf("%w: waited %v for one of %d", ErrBusy, p.options.QueueTimeout, p.options.Instances)
	}
}

// grow makes an instance for the token that the caller took.
func (p *Program) grow(ctx context.Context) (*Instance, error) {
	i, _, err := p.newInstance(ctx)
	if err != nil {
		p.pool.room <- struct{}{}
		return nil, err
	}
	return i, nil
}

// Return gives an instance back. A broken one is closed, and room made for
// another.
func (p *Program) Return(i *Instance) {
	if !i.broken {
		p.pool.free <- i
		return
	}
	p.pool.spent.Add(1)
	if err := i.close(context.Background()); err != nil {
		p.options.Logger.Warn("closing a broken guest instance failed", "guest", p.digest[:12], "error", err)
	}
	p.pool.room <- struct{}{}
}

// Dropped counts the instances that were dropped because a call broke them.
func (p *Program) Dropped() int64 { return p.pool.spent.Load() }
