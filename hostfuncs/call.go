package hostfuncs

import (
	"context"
	"errors"
	"time"
)

// Call is the context in which one instance's functions run: it is given to
// the guest's exports as their context.Context, so that a host function finds
// its Services again by one type assertion, without a lookup or an allocation.
// One Call belongs to one instance, and serves one call at a time.
type Call struct {
	Services Services
	// Frozen gives the guest a fixed clock and fixed randomness: while it
	// initialises and configures itself, so that every instance of a program
	// starts from the same image. It must be false during requests.
	Frozen bool
	// Slept is how far sleeping has moved the fixed clock on. The instances of an
	// image begin with the image's.
	Slept time.Duration
	// Watch bounds the call; nil: nothing does.
	Watch Watch

	ctx   context.Context
	draws uint64     // how much fixed randomness was drawn
	files *openFiles // nil until a call opens some
	undo  bool
	said  said
}

// Begin binds the call to the request that it serves.
func (c *Call) Begin(ctx context.Context) { c.ctx, c.undo = ctx, false }

// Fail tells, before End, that the guest did not finish the call, so that what
// it did to files is taken back.
func (c *Call) Fail() { c.undo = true }

// End lets go of the request, and of the files that the guest has open. What the
// guest has logged and printed in the call becomes a record of the log.
func (c *Call) End() {
	if c.files != nil && len(c.files.views) > 0 {
		c.endFiles(c.undo)
	}
	if len(c.said.head) > 0 {
		c.tell()
	}
	c.ctx = context.Background()
}

// Context returns the context of the request that is being served.
func (c *Call) Context() context.Context {
	if c.ctx == nil {
		return context.Background()
	}
	return c.ctx
}

// Deadline is the request's.
func (c *Call) Deadline() (time.Time, bool) { return c.Context().Deadline() }

// Done is the request's.
func (c *Call) Done() <-chan struct{} { return c.Context().Done() }

// Err is the request's.
func (c *Call) Err() error { return c.Context().Err() }

// Value answers nothing but the Call itself: what travels in the request's
// context is not for guests, and wazero asks for several keys on each call.
func (c *Call) Value(key any) any {
	if key == (callKey{}) {
		return c
	}
	return nil
}

type callKey struct{}

var _ context.Context = (*Call)(nil)

// callOf finds the Call in the context that wazero hands to a host function.
func callOf(ctx context.Context) *Call {
	if c, ok := ctx.(*Call); ok {
		return c
	}
	c, _ := ctx.Value(callKey{}).(*Call)
	return c
}

// Watch bounds what host functions do for a guest beside its own work.
type Watch interface {
	// Bound is the context for work that waits.
	Bound(ctx context.Context) (context.Context, context.CancelFunc)
	// Worked is called after work that takes the host much longer than a call.
	Worked()
	// Charge takes units of fuel for what the host has done, and reports whether
	// the guest may go on.
	Charge(units uint64) bool
}

// errStopped is the panic that ends a guest's call in a host function: its fuel
// or its time is used up. The Watch knows which.
var errStopped = errors.New("hostfuncs: the call has used up what it was granted")

// charge takes fuel for work of the host, so that it costs a guest about what
// work of its own costs that takes as long. It ends a call that has no more.
func (c *Call) charge(units uint64) {
	if c.Watch != nil && !c.Watch.Charge(units) {
		panic(errStopped)
	}
}

// worked tells the call's Watch.
func (c *Call) worked() {
	if c.Watch != nil {
		c.Watch.Worked()
	}
}

// bounded is the context for work that waits.
func (c *Call) bounded() (context.Context, context.CancelFunc) {
	if c.Watch == nil {
		return c.Context(), func() {}
	}
	return c.Watch.Bound(c.Context())
}
