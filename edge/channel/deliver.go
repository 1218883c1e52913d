package channel

import "strings"

// Deliver hands a message to the channel of this process with a name on the
// wire, or to the members of the group whose relay channel that is. It returns
// false if a receiver was full. Names of other tenants and of channels that
// are gone are counted and dropped.
func (l *Local) Deliver(wire string, m *Message) bool {
	local, ours := strings.CutPrefix(wire, l.prefix)
	if !ours {
		// A name of the tenant's own that another process had is stale, not foreign.
		if strings.HasPrefix(wire, l.schema+".") {
			l.Counters.Unknown.Add(1)
		} else {
			l.Foreign()
		}
		return true
	}
	t, ok := parseToken(local)
	l.mu.Lock()
	ch, g := l.channels.find(t), l.relays[t]
	members := share(g)
	l.mu.Unlock()
	switch {
	case ok && ch != nil:
		return l.hand([]*Channel{ch}, m)
	case ok && g != nil:
		return l.hand(members, m)
	default:
		l.Counters.Unknown.Add(1)
		return true
	}
}

// DeliverGroup hands a message to the members that a group, by its logical
// name, has in this process.
func (l *Local) DeliverGroup(name string, m *Message) {
	l.mu.Lock()
	members := share(l.groups[name])
	l.mu.Unlock()
	l.hand(members, m)
}

// Foreign counts a message that arrived for this tenant and was not its own.
func (l *Local) Foreign() { l.Counters.Dropped(&l.Counters.foreign, 1) }

// share returns a group's members for walking over without the lock.
func share(g *group) []*Channel {
	if g == nil {
		return nil
	}
	g.shared = true
	return g.members
}

func (l *Local) hand(members []*Channel, m *Message) bool {
	var delivered, full, gone uint64
	for _, ch := range members {
		switch {
		case ch.closed.Load():
			gone++
		case ch.receiver.Receive(m):
			delivered++
		default:
			full++
		}
	}
	l.Counters.delivered.Add(delivered)
	l.Counters.Unknown.Add(gone)
	l.Counters.Dropped(&l.Counters.full, full)
	return full == 0
}
