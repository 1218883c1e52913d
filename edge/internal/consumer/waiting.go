package consumer

import (
	"sync"

	"github.com/tenantedge/tenantedge/edge/channel"
)

// maxWaitingBytes is how many bytes of group messages wait for the websockets of
// one tenant: each may have 100, and a tenant many websockets. A message that
// waits for several of them counts once. Further ones are dropped, which the
// layer counts.
const maxWaitingBytes = 64 << 20

// shared is what the websockets that get a group message have in common of it.
type shared struct {
	once    sync.Once
	forward Forward

	mu      sync.Mutex
	waiting int    // websockets that it waits for
	owner   *owner // who it is counted for; nil while it waits for none
}

func newShared(*channel.Message) any { return &shared{} }

func sharedOf(m *channel.Message) *shared { return m.Derived(newShared).(*shared) }

// hold counts one more websocket that a message waits for, unless the tenant
// has too much that waits.
func (o *owner) hold(m *channel.Message) bool {
	s := sharedOf(m)
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.waiting == 0 {
		if o.waiting.Add(int64(m.Len())) > maxWaitingBytes {
			o.waiting.Add(-int64(m.Len()))
			return false
		}
		s.owner = o
	}
	s.waiting++
	return true
}

// letGo counts one less.
func letGo(m *channel.Message) {
	s := sharedOf(m)
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.waiting--; s.waiting == 0 {
		s.owner.waiting.Add(-int64(m.Len()))
		s.owner = nil
	}
}
