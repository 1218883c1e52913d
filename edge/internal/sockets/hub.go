package sockets

import (
	"context"
	"fmt"
	"maps"
	"net"
	"runtime/debug"
	"slices"
	"sync"
	"sync/atomic"
	"time"
)

// tickLength is the resolution of the timeouts of open connections.
const tickLength = 250 * time.Millisecond

// Hub serves accepted connections. New creates one, and Shutdown stops it.
type Hub struct {
	config    Config
	rules     rules
	counters  counters
	inflation inflation
	workers   *workers
	poller    *poller // nil: every connection has a goroutine
	wheel     wheel
	tick      atomic.Uint32 // the wheel's current tick
	lastID    atomic.Uint64
	now       func() time.Time
	open      sync.WaitGroup // connections

	mu      sync.Mutex
	tenants map[string]*tenant
	closing bool

	end     sync.Once
	stopped chan struct{}
}

// New returns a hub.
func New(config Config) (*Hub, error) {
	h, err := newHub(config)
	if err != nil {
		return nil, err
	}
	go h.keepTime()
	return h, nil
}

// newHub returns a hub whose clock does not advance.
func newHub(config Config) (*Hub, error) {
	if err := config.validate(); err != nil {
		return nil, err
	}
	h := &Hub{
		config:    config,
		rules:     rules{maxFrame: config.MaxFrame, maxMessage: config.MaxMessage},
		inflation: inflation{limit: config.MaxInflated},
		tenants:   map[string]*tenant{},
		stopped:   make(chan struct{}),
		now:       time.Now,
	}
	h.workers = newWorkers(config.MaxWorkers, (*Conn).serve)
	if !config.NoPoll {
		h.poller, _ = newPoller() // without a poller, connections have goroutines; Stats shows that
	}
	return h, nil
}

func (h *Hub) keepTime() {
	ticker := time.NewTicker(tickLength)
	defer ticker.Stop()
	var due []*Conn
	for {
		select {
		case <-ticker.C:
			due = h.advance(due)
		case <-h.stopped:
			return
		}
	}
}

// advance advances the clock by one tick. It returns due for reuse.
func (h *Hub) advance(due []*Conn) []*Conn {
	due = h.wheel.tick(due[:0])
	h.tick.Add(1)
	for _, c := range due {
		c.schedule(flagTimer)
	}
	clear(due)
	return due
}

// ticks returns a duration in ticks, rounded up and bounded so that sums do not
// overflow.
func (h *Hub) ticks(d time.Duration) uint32 {
	return uint32(min((d+tickLength-1)/tickLength, 1<<30))
}

// CloseTenant closes all connections of a tenant, for example when the tenant is
// deactivated, and returns their number. The caller must reject new handshakes.
func (h *Hub) CloseTenant(key string, code Code, reason string) (int, error) {
	if !code.Sendable() {
		return 0, fmt.Errorf("%w, found %d", ErrCode, code)
	}
	h.mu.Lock()
	t := h.tenants[key]
	h.mu.Unlock()
	if t == nil {
		return 0, nil
	}
	return t.close(code, reason), nil
}

// CloseRelays closes the relayed connections of a tenant, for example when it has
// another upstream, with a sendable code, and returns their number.
func (h *Hub) CloseRelays(key string, code Code) int {
	h.mu.Lock()
	t := h.tenants[key]
	h.mu.Unlock()
	if t == nil {
		return 0
	}
	return t.closeRelays(code)
}

// Relays returns how many of a tenant's connections are relayed, or may become so.
func (h *Hub) Relays(key string) int {
	h.mu.Lock()
	t := h.tenants[key]
	h.mu.Unlock()
	if t == nil {
		return 0
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.descriptors - t.count // a relay has two
}

// Busiest returns the n tenants with the most connections, those with the most first.
func (h *Hub) Busiest(n int) []Busy {
	h.mu.Lock()
	all := slices.Collect(maps.Values(h.tenants))
	h.mu.Unlock()
	var busiest []Busy
	for _, t := range all {
		t.mu.Lock()
		b := Busy{t.key, t.count}
		t.mu.Unlock()
		if i := slices.IndexFunc(busiest, func(o Busy) bool { return o.Open < b.Open }); i >= 0 {
			busiest = slices.Insert(busiest, i, b)
		} else {
			busiest = append(busiest, b)
		}
		busiest = busiest[:min(n, len(busiest))]
	}
	return busiest
}

// Busy is a tenant with connections.
type Busy struct {
	Key  string
	Open int
}

// CountTenant returns the number of a tenant's connections, and of the descriptors
// that they take.
func (h *Hub) CountTenant(key string) (connections, descriptors int) {
	h.mu.Lock()
	t := h.tenants[key]
	h.mu.Unlock()
	if t == nil {
		return 0, 0
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.count, t.descriptors
}

// Tenants returns the keys of the tenants with connections.
func (h *Hub) Tenants() []string {
	h.mu.Lock()
	defer h.mu.Unlock()
	return slices.Collect(maps.Keys(h.tenants))
}

// Shutdown rejects new handshakes with 503, closes all connections with 1001
// after the messages in their queues, and waits for them until ctx ends. Then it
// drops the remaining connections, each as soon as its handler has returned, and
// returns the error of ctx.
func (h *Hub) Shutdown(ctx context.Context) error {
	h.mu.Lock()
	h.closing = true
	tenants := slices.Collect(maps.Values(h.tenants))
	h.mu.Unlock()
	for _, t := range tenants {
		t.close(CodeGoingAway, "")
	}
	closed := make(chan struct{})
	go func() {
		h.open.Wait()
		h.end.Do(h.stop)
		close(closed)
	}()
	select {
	case <-closed:
		return nil
	case <-ctx.Done():
	}
	for _, t := range tenants {
		t.drop()
	}
	return ctx.Err()
}

// stop ends the hub's goroutines.
func (h *Hub) stop() {
	close(h.stopped)
	h.workers.stop()
	if h.poller != nil {
		h.poller.close()
	}
}

// remove removes a closed connection from the counts.
func (h *Hub) remove(c *Conn) {
	if c.stream.isPolled() {
		h.counters.polled.Add(-1)
	} else {
		h.counters.goroutines.Add(-1)
	}
	if c.toUpstream {
		h.counters.upstreams.Add(-1)
		h.open.Done()
		return
	}
	h.leave(c)
}

// logPanic counts and logs a handler's panic.
func (h *Hub) logPanic(p any) {
	h.counters.panics.Add(1)
	h.config.Log.Error("sockets: handler panicked", "panic", p, "stack", string(debug.Stack()))
}

// attach attaches a connection's stream. Until start the connection has
// flagScheduled, so that Send and Close only set flags.
func (h *Hub) attach(c *Conn, conn net.Conn) {
	c.flags.Store(flagScheduled)
	c.receivedAt = h.tick.Load()
	c.messageAt = c.receivedAt
	if h.poller != nil {
		if p := h.poller.attach(conn); p != nil {
			c.stream = p
		}
	}
	if c.stream != nil {
		h.counters.polled.Add(1)
	} else {
		c.stream = &blocking{conn, h.config.WriteTimeout}
		h.counters.goroutines.Add(1)
	}
	h.wheel.after(c, h.ticks(h.config.PingInterval))
}

// start starts serving an attached connection.
func (h *Hub) start(c *Conn) {
	switch s := c.stream.(type) {
	case startable:
		s.start(c)
	case *blocking:
		go s.run(c)
	}
}
