package sockets

import (
	"sync"
	"sync/atomic"
	"time"

	"github.com/tenantedge/tenantedge/edge/stats"
)

// tenant is the state that the connections of one key share. It exists while there
// are connections.
type tenant struct {
	key         string
	queued      atomic.Int64 // bytes in the write queues
	inflated    atomic.Int64 // bytes of inflated messages being handled
	rateLimited atomic.Bool  // Limits.Messages is set
	maxQueued   atomic.Int64 // Limits.Queued
	meter       stats.Meter  // nil: nothing is counted

	mu          sync.Mutex
	limits      Limits
	first       *Conn
	closed      closing
	moved       Code   // of the last closeRelays
	moves       uint16 // number of calls of closeRelays
	count       int
	descriptors int
	tokens      float64
	filled      time.Time
}

// membership is a connection's entry in the list of its tenant.
type membership struct {
	next, prev  *Conn
	closings    uint32 // tenant.closed.times when the connection joined
	listed      bool
	descriptors uint8  // descriptors it counts for
	moves       uint16 // tenant.moves when the connection joined
}

// closing describes the last time that a tenant's connections were closed.
type closing struct {
	times  uint32
	code   Code
	reason string
	drop   bool // without a close handshake
}

// join counts a connection and reports whether the limits allow it. The limits of
// the latest handshake apply to all connections of the tenant.
func (h *Hub) join(c *Conn, o *Options) bool {
	key, limits, descriptors := o.Tenant, o.Limits, 1
	if o.Relays {
		descriptors = 2
	}
	elsewhere, takenElsewhere := 0, 0
	if h.config.Elsewhere != nil && (limits.Connections > 0 || limits.Descriptors > 0) {
		elsewhere, takenElsewhere = h.config.Elsewhere(key) // before h is locked: it locks other hubs
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.closing {
		return false
	}
	t := h.tenants[key]
	if t == nil {
		t = &tenant{key: key, filled: h.now(), tokens: float64(limits.burst())}
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	t.limits = limits
	t.rateLimited.Store(limits.Messages > 0)
	t.maxQueued.Store(limits.Queued)
	if limits.full(t.count+elsewhere, t.descriptors+takenElsewhere, descriptors) {
		return false
	}
	h.tenants[key] = t
	if t.count == 0 && o.Meter != nil {
		t.meter = o.Meter()
	}
	c.tenant = t
	c.member.closings, c.member.moves, c.member.descriptors = t.closed.times, t.moves, uint8(descriptors)
	t.count++
	t.descriptors += descriptors
	h.open.Add(1)
	return true
}

// full reports whether a tenant with so many connections, which take so many
// descriptors, may not open one that takes more. Descriptors never refuse the first.
func (l *Limits) full(count, taken, more int) bool {
	return l.Connections > 0 && count >= l.Connections || l.Descriptors > 0 && count > 0 && taken+more > l.Descriptors
}

// received counts a part of the payload of a client's message.
func (t *tenant) received(n int) {
	if t.meter != nil && n > 0 {
		t.meter.Received(n)
	}
}

// sent counts a part of the payload of a message for a client.
func (t *tenant) sent(n int) {
	if t.meter != nil && n > 0 {
		t.meter.Sent(n)
	}
}

// enlist adds an attached connection to the tenant's list, and closes it if the
// tenant or the hub was closed since it joined.
func (h *Hub) enlist(c *Conn) {
	t := c.tenant
	t.mu.Lock()
	c.member.next = t.first
	if t.first != nil {
		t.first.member.prev = c
	}
	t.first = c
	c.member.listed = true
	if t.meter != nil {
		t.meter.Opened()
	}
	closed := t.closed
	moved := c.isRelay && t.moves != c.member.moves
	code := t.moved
	t.mu.Unlock()
	if moved {
		c.CloseWith(code)
	}
	if closed.times != c.member.closings {
		c.Close(closed.code, closed.reason)
	}
	if closed.drop {
		c.schedule(flagAbort)
	}
}

// leave removes a connection, and the tenant with its last connection.
func (h *Hub) leave(c *Conn) {
	h.mu.Lock()
	defer h.mu.Unlock()
	t := c.tenant
	t.mu.Lock()
	defer t.mu.Unlock()
	t.descriptors -= int(c.member.descriptors)
	if m := &c.member; m.listed {
		if m.prev != nil {
			m.prev.member.next = m.next
		} else {
			t.first = m.next
		}
		if m.next != nil {
			m.next.member.prev = m.prev
		}
		*m = membership{}
		if t.meter != nil {
			t.meter.Closed()
		}
	}
	if t.count--; t.count == 0 {
		delete(h.tenants, t.key)
		if t.meter != nil {
			t.meter.Release()
		}
	}
	h.open.Done()
}

func (l Limits) burst() int {
	if l.Burst > 0 {
		return l.Burst
	}
	return l.Messages
}

// admit reports whether the tenant's rate allows a message, and counts it.
func (t *tenant) admit(now func() time.Time) bool {
	if !t.rateLimited.Load() {
		return true
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	at := now()
	t.tokens = min(float64(t.limits.burst()), t.tokens+at.Sub(t.filled).Seconds()*float64(t.limits.Messages))
	t.filled = at
	if t.tokens < 1 {
		return false
	}
	t.tokens--
	return true
}

// close closes the current connections, including those whose handshake is in
// progress, and returns their number.
func (t *tenant) close(code Code, reason string) int {
	t.mu.Lock()
	t.closed = closing{t.closed.times + 1, code, reason, t.closed.drop}
	count := t.count
	t.mu.Unlock()
	for _, c := range t.members() {
		c.Close(code, reason)
	}
	return count
}

// closeRelays closes the current relays, including those whose handshake is in
// progress, and returns the number of those that were open.
func (t *tenant) closeRelays(code Code) (n int) {
	t.mu.Lock()
	t.moved, t.moves = code, t.moves+1
	t.mu.Unlock()
	for _, c := range t.members() {
		if c.isRelay && c.CloseWith(code) {
			n++
		}
	}
	return n
}

// drop drops the current connections.
func (t *tenant) drop() {
	t.mu.Lock()
	t.closed.drop = true
	t.mu.Unlock()
	for _, c := range t.members() {
		c.schedule(flagAbort)
	}
}

// members returns the current connections.
func (t *tenant) members() []*Conn {
	t.mu.Lock()
	defer t.mu.Unlock()
	all := make([]*Conn, 0, t.count)
	for c := t.first; c != nil; c = c.member.next {
		all = append(all, c)
	}
	return all
}
