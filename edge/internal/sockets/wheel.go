package sockets

import "sync"

const wheelSlots = 256

// wheel holds at most one deadline for each connection, in ticks. Setting one
// costs no allocation and no timer of the runtime; a deadline more than a turn
// away waits for its turn.
type wheel struct {
	mu    sync.Mutex
	now   uint32
	slots [wheelSlots]*Conn
}

// deadline is a connection's place in the wheel; all of it is the wheel's.
type deadline struct {
	at         uint32
	set        bool
	next, prev *Conn
}

// after sets the deadline of c, in place of the one before.
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

// tick goes one tick further, and appends the connections that are due.
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
