package redis

import (
	"sync"

	"github.com/tenantedge/tenantedge/edge/channel/internal/wire"
)

// inboxBytes is how much may wait for one tenant in this process.
const inboxBytes = 8 << 20

// arrival is a message as it came, with the name that it was published under.
type arrival struct{ name, data string }

// inbox holds what has arrived for a tenant until a goroutine decodes it and
// hands it to the tenant's channels. The goroutine ends when the inbox is empty.
// So no tenant's messages keep a shared connection from being read.
type inbox struct {
	counters *wire.Counters
	deliver  func(arrival)

	mu      sync.Mutex
	waiting []arrival
	bytes   int
	runs    bool
}

// put adds a message. One that finds no room is dropped and counted.
func (b *inbox) put(a arrival) {
	b.mu.Lock()
	fits := len(b.waiting) == 0 || b.bytes+len(a.data) <= inboxBytes
	if fits {
		b.waiting = append(b.waiting, a)
		b.bytes += len(a.data)
		if !b.runs {
			b.runs = true
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
		b.runs = len(all) > 0
		b.mu.Unlock()
		if len(all) == 0 {
			return
		}
		for _, a := range all {
			b.deliver(a)
		}
	}
}
