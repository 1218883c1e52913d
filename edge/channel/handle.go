package channel

import (
	"sync/atomic"

	"github.com/tenantedge/tenantedge/edge/channel/internal/wire"
)

// Channel is an open channel of this process. Close it when its receiver ends.
// There is one for each socket, so it is kept small.
type Channel struct {
	scope       *scope
	receiver    Receiver
	memberships memberships // under scope.mu
	token       wire.Token
	closed      atomic.Bool
}

// Name returns the channel's logical name. [Scope.Send] reaches the channel by
// it, in every process of the tenant.
func (ch *Channel) Name() string { return string(ch.AppendName(nil)) }

// AppendName appends Name.
func (ch *Channel) AppendName(b []byte) []byte {
	b = ch.scope.process.AppendTo(b)
	return ch.token.AppendTo(append(b, wire.ProcessEnd...))
}

// WireName returns the name on the wire, for Django processes.
func (ch *Channel) WireName() string { return ch.scope.prefix + ch.token.String() }

// Close closes the channel and ends its memberships. The receiver may still get
// a message that is being delivered. Close returns false if the channel was
// closed already.
func (ch *Channel) Close() bool {
	s := ch.scope
	s.mu.Lock()
	defer s.mu.Unlock()
	if ch.closed.Swap(true) {
		return false
	}
	for n := ch.memberships.len(); n > 0; n-- {
		s.leave(ch, n-1)
	}
	s.channels.remove(ch)
	s.pin()
	s.detach(ch.topic())
	return true
}

// Malformed counts a message that the receiver got and could not use as a
// malformed one.
func (ch *Channel) Malformed() {
	counters := ch.scope.counters
	counters.CountDropped(&counters.Malformed, 1)
}

func (ch *Channel) topic() wire.Topic {
	if ch.scope.line == nil {
		return wire.Topic{}
	}
	return wire.Topic{Channel: ch.WireName()}
}
