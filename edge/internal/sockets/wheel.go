package sockets

import "sync"

const wheelSlots = 256

// wheel is a timing wheel with at most one deadline for each connection, in ticks.
// Setting a deadline needs no allocation and no runtime timer. A deadline more
// than wheelSlots ticks in the future stays in its slot for several turns.
type wheel struct {
	mu    sync.Mutex
	now   uint32
	slots [wheelSlots]*Conn
}

// deadline is a connection's entry in the wheel, under wheel.mu.
type deadline struct {
	at         uint32
	set        bool
	next, prev *Conn
}

// after sets or replaces the deadline of c.
func (w *wheel) after(c *Conn, ticks uint32) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.remove(c)
	d := &c.deadline
	d.at, d.set = w.now+max(ticks, 1), true
	slot := &w.slots[d.at%wheelSlots]
	d.next = *slot
	if d.next != nil {
		d.next.deadline.prev = c
	}
	*slot = c
}

func (w *wheel) cancel(c *Conn) {
	w.mu.Lock()
	w.remove(c)
	w.mu.Unlock()
}

// holds reports whether c has a deadline that has not passed.
func (w *wheel) holds(c *Conn) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	return c.deadline.set
}

func (w *wheel) remove(c *Conn) {
	d := &c.deadline
	if !d.set {
		return
	}
	if d.prev != nil {
		d.prev.deadline.next = d.next
	} else {
		w.slots[d.at%wheelSlots] = d.next
	}
	if d.next != nil {
		d.next.deadline.prev = d.prev
	}
	*d = deadline{}
}

// tick advances by one tick and appends the connections whose deadline passed.
func (w *wheel) tick(due []*Conn) []*Conn {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.now++
	for c := w.slots[w.now%wheelSlots]; c != nil; {
		next := c.deadline.next
		if c.deadline.at == w.now {
			w.remove(c)
			due = append(due, c)
		}
		c = next
	}
	return due
}
