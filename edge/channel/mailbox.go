package channel

import (
	"context"
	"sync"
	"time"
)

// MailboxConfig is how much a mailbox keeps. The zero value is valid.
type MailboxConfig struct {
	Capacity int           // unread messages; 100 if zero, as in channels
	Expiry   time.Duration // how long a message is kept unread; a minute if zero, as in channels
}

// Mailbox is a [Receiver] for goroutines: a bounded queue to read from.
type Mailbox struct {
	config MailboxConfig
	wake   chan struct{} // holds one value when there is something to see

	mu      sync.Mutex
	queue   []letter // a ring, made at the first message
	head    int
	length  int
	expired uint64
	broken  error
	news    bool // broken has not been returned yet
}

type letter struct {
	message *Message
	arrived time.Time
}

// NewMailbox returns an empty mailbox.
func NewMailbox(config MailboxConfig) *Mailbox {
	if config.Capacity <= 0 {
		config.Capacity = 100
	}
	if config.Expiry <= 0 {
		config.Expiry = time.Minute
	}
	return &Mailbox{config: config, wake: make(chan struct{}, 1)}
}

// Next returns the oldest message, for which it waits. When the layer
// breaks it returns, once and after what arrived before, an [ErrBroken]: what
// is sent from then on may be lost, until messages come again. After the layer
// was closed it always returns [ErrClosed].
func (b *Mailbox) Next(ctx context.Context) (*Message, error) {
	for {
		if m, err := b.take(); m != nil || err != nil {
			return m, err
		}
		select {
		case <-b.wake:
		case <-ctx.Done():
			return nil, context.Cause(ctx)
		}
	}
}

func (b *Mailbox) take() (*Message, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.expire()
	if b.length > 0 {
		l := b.pop()
		if b.length > 0 || b.news {
			b.signal() // another reader may go on
		}
		return l.message, nil
	}
	if b.news {
		b.news = b.broken == ErrClosed
		if b.news {
			b.signal()
		}
		return nil, b.broken
	}
	return nil, nil
}

// Len returns how many messages are unread.
func (b *Mailbox) Len() int {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.expire()
	return b.length
}

// Expired returns how many messages were dropped because nobody read them.
func (b *Mailbox) Expired() uint64 {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.expire()
	return b.expired
}

// expire drops what is too old, the oldest first.
func (b *Mailbox) expire() {
	if b.length == 0 {
		return
	}
	for end := time.Now().Add(-b.config.Expiry); b.length > 0 && b.queue[b.head].arrived.Before(end); b.expired++ {
		b.pop()
	}
}

func (b *Mailbox) pop() letter {
	l := b.queue[b.head]
	b.queue[b.head] = letter{}
	b.head = (b.head + 1) % len(b.queue)
	b.length--
	return l
}

func (b *Mailbox) signal() {
	select {
	case b.wake <- struct{}{}:
	default:
	}
}

// Receive implements [Receiver].
func (b *Mailbox) Receive(m *Message) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.expire()
	if b.length == b.config.Capacity {
		return false
	}
	if b.length == len(b.queue) {
		b.grow()
	}
	b.queue[(b.head+b.length)%len(b.queue)] = letter{m, time.Now()}
	b.length++
	b.signal()
	return true
}

// grow doubles the ring, up to the capacity.
func (b *Mailbox) grow() {
	larger := make([]letter, min(max(4, 2*len(b.queue)), b.config.Capacity))
	n := copy(larger, b.queue[b.head:])
	copy(larger[n:], b.queue[:b.head])
	b.queue, b.head = larger, 0
}

// Interrupted implements [Receiver].
func (b *Mailbox) Interrupted(err error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if err == nil || b.broken == ErrClosed {
		return // what broke is told even if it works again when somebody reads
	}
	b.broken, b.news = err, true
	b.signal()
}

var _ Receiver = (*Mailbox)(nil)
