package hostfuncs

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"
)

// Call is the context.Context that an instance's exports are called with. A host
// function gets it back from wazero and finds its Services by a type assertion,
// without a lookup or an allocation. A Call belongs to one instance and serves one
// call at a time.
type Call struct {
	// Services implements the host functions; nil: they return abi.Internal.
	Services Services
	// Frozen gives the guest a fixed clock and fixed randomness, so that every
	// instance of a program starts from the same image. Set it while the image is
	// built, never during a request.
	Frozen bool
	// Slept is how far sleeping has advanced the fixed clock. Copy it from the
	// image's Call to those of the instances.
	Slept time.Duration
	// FixedTime gives the guest this time, in nanoseconds since 1970, and the same
	// random numbers in each call, so that calls can be repeated. 0: the real ones.
	FixedTime int64
	// Tape sees or replaces what differs from call to call; nil: nothing does.
	Tape Tape
	// Watch limits the fuel and the time of the call; nil: no limits.
	Watch Watch

	ctx   context.Context
	calls int        // of host functions since Begin
	draws uint64     // state of the fixed random sequence
	files *openFiles // nil until a call uses files
	undo  bool       // delete the files that the call saved
	log   callLog

	denied string // the first WASI function of this call that guests do not have
}

// Begin starts a call that serves the request of ctx.
func (c *Call) Begin(ctx context.Context) {
	c.ctx, c.calls, c.undo, c.denied = ctx, 0, false, ""
	if c.FixedTime != 0 {
		c.draws = 0
	}
}

// Fail marks the call as failed: End then deletes the files that the guest saved
// in it.
func (c *Call) Fail() { c.undo = true }

// End closes the files that the guest has open, passes what the guest logged and
// printed in the call to Services.Log, as one record besides those for lines with
// attributes, and releases the request.
func (c *Call) End() {
	if c.files != nil && len(c.files.views) > 0 {
		c.endFiles(c.undo)
	}
	if len(c.log.lines) > 0 {
		c.flushLines()
	}
	if len(c.log.head) > 0 {
		c.flushLog()
	}
	c.ctx = context.Background()
}

// HostCalls returns how many host functions the guest has called since Begin. Those of
// WASI count, except proc_exit.
func (c *Call) HostCalls() int { return c.calls }

// Printed returns what the guest has logged and printed in the call, as one line.
func (c *Call) Printed() string {
	var parts []string
	for _, l := range c.log.lines {
		parts = append(parts, l.String())
	}
	if text := c.log.text(); text != "" {
		parts = append(parts, text)
	}
	return strings.Join(parts, " | ")
}

// Denied describes the first WASI function that the guest has called since Begin and
// that returned an errno because guests do not have it. It is empty if there is none.
// Guests may handle the errno; if one fails, it is a likely cause.
func (c *Call) Denied() string {
	if c.denied == "" {
		return ""
	}
	return fmt.Sprintf("the guest called %s of WASI, which returned an errno: %s", c.denied, wasiInstead(c.denied))
}

// Context returns the context of the current request, or context.Background
// outside of one.
func (c *Call) Context() context.Context {
	if c.ctx == nil {
		return context.Background()
	}
	return c.ctx
}

// Deadline returns the request's deadline.
func (c *Call) Deadline() (time.Time, bool) { return c.Context().Deadline() }

// Done returns the request's Done channel.
func (c *Call) Done() <-chan struct{} { return c.Context().Done() }

// Err returns the request's error.
func (c *Call) Err() error { return c.Context().Err() }

// Value returns nil for every key outside of this package. It hides the values
// of the request's context from the engine, and saves a walk through the chain of
// contexts for each of the keys that wazero looks up per call.
func (c *Call) Value(key any) any {
	if key == (callKey{}) {
		return c
	}
	return nil
}

type callKey struct{}

var _ context.Context = (*Call)(nil)

// callOf returns the Call in the context that wazero passes to a host function,
// or nil.
func callOf(ctx context.Context) *Call {
	if c, ok := ctx.(*Call); ok {
		return c
	}
	c, _ := ctx.Value(callKey{}).(*Call)
	return c
}

// Watch limits the time and the fuel that host functions use for a guest.
type Watch interface {
	// Bound returns the context for an operation that waits.
	Bound(ctx context.Context) (context.Context, context.CancelFunc)
	// Worked is called after an operation that takes the host much longer than
	// the crossing into it.
	Worked()
	// Charge deducts units of fuel for the work of a host function, and reports
	// whether the guest may continue.
	Charge(units uint64) bool
	// Writes is called for each n bytes at addr that a host function writes to the
	// guest's memory. They are all in the memory.
	Writes(addr, n uint32)
}

// errStopped is the panic value that ends a guest's call in a host function. The
// Watch has the cause: fuel or time.
var errStopped = errors.New("hostfuncs: the call is out of fuel or time")

// charge deducts fuel for work of the host, at about the rate that guest code of
// the same duration costs. It panics with errStopped if the fuel does not suffice.
func (c *Call) charge(units uint64) {
	if c.Watch != nil && !c.Watch.Charge(units) {
		panic(errStopped)
	}
}

// worked calls the Watch's Worked, if there is a Watch.
func (c *Call) worked() {
	if c.Watch != nil {
		c.Watch.Worked()
	}
}

// bounded returns the context for an operation that waits.
func (c *Call) bounded() (context.Context, context.CancelFunc) {
	if c.Watch == nil {
		return c.Context(), func() {}
	}
	return c.Watch.Bound(c.Context())
}
