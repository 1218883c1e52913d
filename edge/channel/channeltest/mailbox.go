package channeltest

import (
	"context"
	"sync"
	"time"

	"github.com/tenantedge/tenantedge/edge/channel"
)

// MailboxConfig bounds a mailbox. The zero value is valid.
type MailboxConfig struct {
	Capacity int           // unread messages; 0: 100, as in Django Channels
	Expiry   time.Duration // how long a message is kept unread; 0: a minute, as in Django Channels
}

// Mailbox is a [channel.Receiver] with a bounded queue, from which goroutines
// read.
type Mailbox struct {
	config MailboxConfig
	wake   chan struct{} // has a value when there may be something to return

	mu      sync.Mutex
	queue   []letter // a ring, made at the first message
	head    int
	length  int
	expired uint64
	broken  error
	unread  bool // broken has not been returned yet
}

type letter struct {
	message *channel.Message
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

// Next waits for the oldest message and returns it. After the layer broke, and
// after the messages from before, it returns an error that is
// [channel.ErrBroken], once. After the layer was closed it always returns
// [channel.ErrClosed].
func (b *Mailbox) Next(ctx context.Context) (*channel.Message, error) {
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

func (b *Mailbox) take() (*channel.Message, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.expire()
	if b.length > 0 {
		l := b.pop()
		if b.length > 0 || b.unread {
			b.signal() // for another reader
		}
		return l.message, nil
	}
	if b.unread {
		b.unread = b.broken == channel.ErrClosed
		if b.unread {
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

// Expired returns how many messages expired unread.
func (b *Mailbox) Expired() uint64 {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.expire()
	return b.expired
}

// expire drops the messages that are too old.
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

// Receive implements [channel.Receiver].
func (b *Mailbox) Receive(m *channel.Message) bool {
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

// Interrupted implements [channel.Receiver].
func (b *Mailbox) Interrupted(err error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if err == nil || b.broken == channel.ErrClosed {
		return // a break is reported even if the layer works again before the next read
	}
	b.broken, b.unread = err, true
	b.signal()
}

var _ channel.Receiver = (*Mailbox)(nil)
