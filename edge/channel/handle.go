package channel

import "sync/atomic"

// Channel is an open channel of this process. Close it when its receiver ends.
// It is kept small, for there is one for each socket.
type Channel struct {
	local       *Local
	receiver    Receiver
	memberships memberships // under local.mu
	token       token
	closed      atomic.Bool
}

// Name returns the channel's logical name, by which [Scope.Send] of any
// process of the tenant reaches it.
func (ch *Channel) Name() string { return ch.local.process.String() + processEnd + ch.token.String() }

// AppendName appends Name.
func (ch *Channel) AppendName(b []byte) []byte {
	b = lettering.AppendEncode(b, ch.local.process[:])
	return lettering.AppendEncode(append(b, processEnd...), ch.token[:])
}

// WireName returns the name on the wire, for Django processes.
func (ch *Channel) WireName() string { return ch.local.prefix + ch.token.String() }

// Close ends the channel's memberships and the channel. A message that is
// under way at the time may still reach the receiver. It returns false if the
// channel was closed already.
func (ch *Channel) Close() bool {
	l := ch.local
	l.mu.Lock()
	defer l.mu.Unlock()
	if ch.closed.Swap(true) {
		return false
	}
	for n := ch.memberships.len(); n > 0; n-- {
		l.leave(ch, n-1)
	}
	l.channels.remove(ch)
	l.occupy()
	l.detach(ch.topic())
	return true
}

// Malformed counts a message that the receiver got and cannot use, as those that
// arrive malformed are counted and logged.
func (ch *Channel) Malformed() {
	counters := ch.local.Counters
	counters.Dropped(&counters.Malformed, 1)
}

func (ch *Channel) topic() Topic {
	if ch.local.uplink == nil {
		return Topic{}
	}
	return Topic{Channel: ch.WireName()}
}
