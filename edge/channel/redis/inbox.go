package redis

import (
	"sync"

	"github.com/tenantedge/tenantedge/edge/channel/internal/wire"
)

// inboxBytes bounds the bytes that wait for one tenant in this process.
const inboxBytes = 8 << 20

// published is a message as it arrived, and the name under which it was published.
type published struct{ name, data string }

// inbox holds the messages that arrived for a tenant, so that no tenant delays
// the reading of a shared connection. A goroutine decodes and delivers them, and
// ends when the inbox is empty.
type inbox struct {
	counters *wire.Counters
	deliver  func(published)

	mu      sync.Mutex
	waiting []published
	bytes   int
	running bool
}

// put adds a message. If there is no room, it drops and counts the message.
func (b *inbox) put(p published) {
	b.mu.Lock()
	fits := len(b.waiting) == 0 || b.bytes+len(p.data) <= inboxBytes
	if fits {
		b.waiting = append(b.waiting, p)
		b.bytes += len(p.data)
		if !b.running {
			b.running = true
			go b.run()
		}
	}
	b.mu.Unlock()
	if !fits {
		b.overflow()
	}
}

func (b *inbox) overflow() { b.counters.CountDropped(&b.counters.OverCapacity, 1) }

func (b *inbox) run() {
	for {
		b.mu.Lock()
		all := b.waiting
		b.waiting, b.bytes = nil, 0
		b.running = len(all) > 0
		b.mu.Unlock()
		if len(all) == 0 {
			return
		}
		for _, p := range all {
			b.deliver(p)
		}
	}
}
