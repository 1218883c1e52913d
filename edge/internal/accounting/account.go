package accounting

import (
	"net/http"
	"sync"
	"sync/atomic"
	"time"

	"github.com/tenantedge/tenantedge/edge/stats"
)

// Key identifies a tenant. The zero value stands for requests without one.
type Key struct {
	Schema string
	ID     string // of its row; empty: a static tenant
}

// Account counts what one tenant uses. It is safe for concurrent use, and counts for
// one window after [Ledger.Account] returned it, or until Release after Hold.
type Account struct {
	key  Key
	cost stats.Cost // of websockets' events
	sums [len(Columns)]atomic.Uint64

	touched atomic.Bool  // since the last window was closed
	holders atomic.Int64 // websockets
	idle    bool         // in the last window; used by Ledger.Close

	reported Usage   // in closed windows; used while the shard is locked
	score    float64 // requests of the last windows, the older ones for less

	mu      sync.Mutex
	open    uint64    // websockets
	counted time.Time // up to which websocketTime has their time
}

// Request is a request that was served.
type Request struct {
	Status       int
	Aborted      bool
	Cost         *stats.Cost
	BytesIn      uint64
	BytesOut     uint64
	UpstreamTime time.Duration
}

// statusClosed is the status of requests whose client disconnected; only logs see it.
const statusClosed = 499

// outcome returns the column of a request.
func (r *Request) outcome() int {
	switch {
	case r.Aborted || r.Status == statusClosed:
		return aborted
	case r.Status == http.StatusSwitchingProtocols:
		return websocket
	case r.Status < 300:
		return ok
	case r.Status < 400:
		return redirect
	case r.Status < 500:
		return clientError
	}
	return serverError
}

// Served counts a request.
func (a *Account) Served(r *Request) {
	a.sums[r.outcome()].Add(1)
	a.add(guestCalls, r.Cost.Calls())
	a.add(fuel, r.Cost.Fuel())
	a.add(guestTime, uint64(r.Cost.Took()))
	a.add(hostCalls, r.Cost.HostCalls())
	a.add(bytesIn, r.BytesIn)
	a.add(bytesOut, r.BytesOut)
	a.add(upstreamTime, uint64(r.UpstreamTime))
}

func (a *Account) add(column int, n uint64) {
	if n > 0 {
		a.sums[column].Add(n)
	}
}

// Cost returns where to add what the guest's calls for the events of websockets cost.
func (a *Account) Cost() *stats.Cost { return &a.cost }

// Received counts the payload of a client's message, or a part of it.
func (a *Account) Received(n int) { a.add(websocketIn, uint64(n)) }

// Sent counts the payload of a message for a client, or a part of it.
func (a *Account) Sent(n int) { a.add(websocketOut, uint64(n)) }

// Opened counts a websocket as open from now on.
func (a *Account) Opened() { a.count(time.Now(), 1) }

// Closed ends what Opened began.
func (a *Account) Closed() { a.count(time.Now(), ^uint64(0)) }

// Release ends what Ledger.Hold began.
func (a *Account) Release() {
	a.touched.Store(true)
	a.holders.Add(-1)
}

// count adds the time of the open websockets up to now, and changes their number.
func (a *Account) count(now time.Time, change uint64) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if passed := now.Sub(a.counted); a.open > 0 && passed > 0 {
		a.sums[websocketTime].Add(a.open * uint64(passed))
	}
	a.counted = now
	a.open += change
}

// usage returns all that was counted.
func (a *Account) usage(now time.Time) Usage {
	if a.holders.Load() > 0 {
		a.count(now, 0)
	}
	var u Usage
	for n, figure := range u.Figures() {
		*figure = a.sums[n].Load()
	}
	u.GuestCalls += a.cost.Calls()
	u.Fuel += a.cost.Fuel()
	u.GuestTime += uint64(a.cost.Took())
	u.HostCalls += a.cost.HostCalls()
	return u
}
