package stats

import (
	"sync/atomic"
	"time"
)

// Cost sums what calls of a guest cost. The zero value is empty. It is safe for
// concurrent use.
type Cost struct {
	calls, fuel, hostCalls atomic.Uint64
	took                   atomic.Int64
}

// Add adds a call.
func (c *Cost) Add(fuel uint64, hostCalls int, took time.Duration) {
	c.calls.Add(1)
	c.fuel.Add(fuel)
	c.hostCalls.Add(uint64(hostCalls))
	c.took.Add(int64(took))
}

// Calls returns the number of calls of the guest.
func (c *Cost) Calls() uint64 { return c.calls.Load() }

// Fuel returns the fuel of the calls.
func (c *Cost) Fuel() uint64 { return c.fuel.Load() }

// HostCalls returns how often the guest called functions of the host.
func (c *Cost) HostCalls() uint64 { return c.hostCalls.Load() }

// Took returns the time of the calls, with what their host functions waited for and
// with resetting the guest's memory. Waiting for an instance does not count.
func (c *Cost) Took() time.Duration { return time.Duration(c.took.Load()) }
