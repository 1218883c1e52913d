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

// tickLength is the grain of all timeouts of open connections.
const tickLength = 250 * time.Millisecond

// Hub holds accepted connections. It is made by New and ended by Shutdown.
type Hub struct {
	config    Config
	rules     rules
	counters  counters
	inflation inflation
	workers   *workers
	poller    *poller // nil: every connection has a goroutine
	wheel     wheel
	tick      atomic.Uint32 // the wheel's present
	lastID    atomic.Uint64
	now       func() time.Time
	open      sync.WaitGroup // connections

	mu      sync.Mutex
	tenants map[string]*tenant
	closing bool

	end     sync.Once
	stopped chan struct{}
}

// New makes a hub.
func New(config Config) (*Hub, error) {
	h, err := newHub(config)
	if err != nil {
		return nil, err
	}
	go h.keepTime()
	return h, nil
}

// newHub makes a hub whose time stands still.
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
		h.poller, _ = newPoller() // without one, goroutines do; Stats shows it
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

// advance lets one tick pass. It returns due for use by the next.
func (h *Hub) advance(due []*Conn) []*Conn {
	due = h.wheel.tick(due[:0])
	h.tick.Add(1)
	for _, c := range due {
		c.schedule(flagTimer)
	}
	clear(due)
	return due
}

// ticks is a duration in ticks, rounded up.
func (h *Hub) ticks(d time.Duration) uint32 {
	return uint32(min((d+tickLength-1)/tickLength, 1<<30))
}

// CloseTenant closes all connections of a tenant, as when it is deactivated,
// and tells how many they were. New ones are the caller's to refuse.
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

// Tenants are the keys of the moment: those that have connections.
func (h *Hub) Tenants() []string {
	h.mu.Lock()
	defer h.mu.Unlock()
	return slices.Collect(maps.Keys(h.tenants))
}

// Shutdown refuses new handshakes with 503, closes all connections with 1001,
// what they were sent before still going out, and waits for them until the
// context ends; then it drops them, as soon as their handlers have returned, and
// returns the context's error.
func (h *Hub) Shutdown(ctx context.Context) error {
	h.mu.Lock()
	h.closing = true
	tenants := slices.Collect(maps.Values(h.tenants))
	h.mu.Unlock()
	for _, t := range tenants {
		t.close(CodeGoingAway, "")
	}
	none := make(chan struct{})
	go func() {
		h.open.Wait()
		h.end.Do(h.stop)
		close(none)
	}()
	select {
	case <-none:
		return nil
	case <-ctx.Done():
	}
	for _, t := range tenants {
		t.drop()
	}
	return ctx.Err()
}

// stop ends the goroutines of the hub itself.
func (h *Hub) stop() {
	close(h.stopped)
	h.workers.stop()
	if h.poller != nil {
		h.poller.close()
	}
}

// left takes a connection that is gone off the books.
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

// panicked records a handler's panic.
func (h *Hub) logPanic(p any) {
	h.counters.panics.Add(1)
	h.config.Log.Error("sockets: handler panicked", "panic", p, "stack", string(debug.Stack()))
}

// hold takes over the bytes of a connection. Until begin it is scheduled, so
// that what is sent or closed meanwhile is only noted.
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

// begin has a connection served that is held.
func (h *Hub) start(c *Conn) {
	switch s := c.stream.(type) {
	case startable:
		s.start(c)
	case *blocking:
		go s.run(c)
	}
}
