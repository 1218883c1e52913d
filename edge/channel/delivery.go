package channel

import (
	"fmt"
	"strings"

	"github.com/tenantedge/tenantedge/edge/channel/internal/message"
	"github.com/tenantedge/tenantedge/edge/channel/internal/wire"
)

// Deliver implements [wire.Tenant].
func (s *scope) Deliver(entries message.Entries, channels ...string) {
	m := &Message{entries: entries}
	for _, name := range channels {
		s.deliver(name, m)
	}
}

// deliver delivers a message to a channel of this process, or to the members of
// the group whose relay channel it is. It returns false if a receiver was full.
func (s *scope) deliver(name string, m *Message) bool {
	local, ours := strings.CutPrefix(name, s.prefix)
	if !ours {
		// A name of this tenant from another process is stale, not foreign.
		if strings.HasPrefix(name, s.schema+".") {
			s.counters.Unknown.Add(1)
		} else {
			s.countForeign()
		}
		return true
	}
	t, ok := wire.ParseToken(local)
	s.mu.Lock()
	ch, g := s.channels.find(t), s.relays[t]
	members := share(g)
	s.mu.Unlock()
	switch {
	case ok && ch != nil:
		return s.receive([]*Channel{ch}, m)
	case ok && g != nil:
		return s.receive(members, m)
	default:
		s.counters.Unknown.Add(1)
		return true
	}
}

// DeliverGroup implements [wire.Tenant].
func (s *scope) DeliverGroup(entries message.Entries, group string) {
	name, ours := strings.CutPrefix(group, s.schema+".")
	if !ours {
		s.countForeign()
		return
	}
	s.deliverGroup(name, &Message{entries: entries})
}

func (s *scope) deliverGroup(name string, m *Message) {
	s.mu.Lock()
	members := share(s.groups[name])
	s.mu.Unlock()
	s.receive(members, m)
}

func (s *scope) countForeign() { s.counters.CountDropped(&s.counters.Foreign, 1) }

// share returns a group's members for iteration without the lock.
func share(g *group) []*Channel {
	if g == nil {
		return nil
	}
	g.shared = true
	return g.members
}

// receive calls the receivers. It returns false if one of them was full.
func (s *scope) receive(members []*Channel, m *Message) bool {
	var delivered, full, closed uint64
	for _, ch := range members {
		switch {
		case ch.closed.Load():
			closed++
		case ch.receiver.Receive(m):
			delivered++
		default:
			full++
		}
	}
	s.counters.Delivered.Add(delivered)
	s.counters.Unknown.Add(closed)
	s.counters.CountDropped(&s.counters.Full, full)
	return full == 0
}

// Interrupt implements [wire.Tenant].
func (s *scope) Interrupt(err error) {
	if !s.counters.SetBroken(err != nil) {
		return
	}
	for _, ch := range s.open() {
		ch.receiver.Interrupted(err)
	}
}

// send delivers a message within the process.
func (s *scope) send(name, wireName string, m *Message) error {
	s.countLocal()
	if !s.deliver(wireName, m) {
		return fmt.Errorf("%w: %s", ErrFull, name)
	}
	return nil
}

func (s *scope) countLocal() {
	s.counters.CountSent(nil)
	s.counters.Received.Add(1)
}

var _ wire.Tenant = (*scope)(nil)
