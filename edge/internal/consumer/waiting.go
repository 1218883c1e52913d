package consumer

import (
	"sync"

	"github.com/tenantedge/tenantedge/edge/channel"
)

// maxWaitingBytes bounds the bytes of group messages that wait for all websockets
// of a tenant, since maxWaiting applies to each websocket. A message that waits for
// several websockets counts once. Messages beyond the bound are dropped; the layer
// counts them.
const maxWaitingBytes = 64 << 20

// shared is what the websockets that receive a group message share.
type shared struct {
	once    sync.Once
	forward Forward

	mu      sync.Mutex
	waiting int    // websockets that the message waits for
	owner   *owner // the tenant that counts its bytes; nil while waiting is 0
}

func newShared(*channel.Message) any { return &shared{} }

func sharedOf(m *channel.Message) *shared { return m.Derived(newShared).(*shared) }

// hold counts one more websocket that a message waits for. It returns false if the
// tenant would exceed maxWaitingBytes.
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

// releaseMessage uncounts a websocket that a message waits for.
func releaseMessage(m *channel.Message) {
	s := sharedOf(m)
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.waiting--; s.waiting == 0 {
		s.owner.waiting.Add(-int64(m.Len()))
		s.owner = nil
	}
}
