package redis

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/tenantedge/tenantedge/edge/channel"
	"github.com/tenantedge/tenantedge/edge/channel/internal/message"
	"github.com/tenantedge/tenantedge/edge/channel/internal/wire"
)

// PubSub is the layer of channels_redis.pubsub: Redis stores nothing, and a
// message without a subscriber is lost. [NewPubSub] makes one.
type PubSub struct {
	hosts
	links *links
	layer channel.Layer
	// marker is the channel on which the marks of moves are published, see move.
	// No tenant can send to it, since it has the name of a Django process's channel.
	marker string
}

// NewPubSub returns a layer that is compatible with channels_redis.pubsub. It
// connects when it is first used.
func NewPubSub(config Config) (*PubSub, error) {
	config, err := config.complete()
	if err != nil {
		return nil, err
	}
	codec, err := newCodec(config, 0, 0)
	if err != nil {
		return nil, err
	}
	h, err := newHosts(config, codec)
	if err != nil {
		return nil, err
	}
	p := &PubSub{hosts: h, marker: config.Prefix + "specific." + rand128()}
	if p.layer, err = channel.Over(config.Config, p.process, p.newLine); err != nil {
		return nil, errors.Join(err, p.close())
	}
	p.links = newLinks(p, p.outages)
	return p, nil
}

// rand128 returns 32 hexadecimal digits.
func rand128() string {
	var b [16]byte
	rand.Read(b[:]) // never fails, see its documentation
	return hex.EncodeToString(b[:])
}

// For implements [channel.Layer].
func (p *PubSub) For(schema string) (channel.Scope, error) { return p.layer.For(schema) }

// Stats implements [channel.Layer].
func (p *PubSub) Stats() channel.Stats { return p.layer.Stats() }

// Close implements [channel.Layer].
func (p *PubSub) Close() error {
	err := p.layer.Close()
	p.links.close()
	return errors.Join(err, p.close())
}

// groupPrefix is the prefix of the names under which groups are published. A
// channel's name could have the same prefix, see [pubSubLine.Send].
func (p *PubSub) groupPrefix() string { return p.config.Prefix + "__group__" }

func (p *PubSub) publish(ctx context.Context, name string, m *message.Entries) error {
	data, err := p.codec.encode(m, false)
	if err != nil {
		return err
	}
	return broken(p.clients[shard(name, len(p.clients))].Publish(ctx, name, data).Err())
}

// name implements protocol.
func (p *PubSub) name(t wire.Topic, host int) (string, bool) {
	name := t.Channel
	if t.Group != "" {
		name = p.groupPrefix() + t.Group
	}
	return name, shard(name, len(p.clients)) == host
}

// session implements protocol. A subscription is confirmed by the reply to the
// PING after it. go-redis would reconnect after an error, and receivers would not
// learn that messages were lost, so a session ends at the first error and the
// next one has a new connection.
func (p *PubSub) session(ctx context.Context, k *link) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	client := redis.NewClient(withPoolSize(p.options[k.host], 1))
	sub := newSubscriber(ctx, client, p.answer, p.marker)
	if err := sub.pubsub.Ping(ctx, "0"); err != nil {
		return errors.Join(err, sub.pubsub.Close(), client.Close())
	}
	k.restart(true)
	beat := time.NewTicker(p.beat)
	defer beat.Stop()
	ended := make(chan error, 2)
	go func() { ended <- sub.read(ctx, func(m *redis.Message) { p.dispatch(k, m) }) }()
	go func() { ended <- k.sync(ctx, beat.C, sub) }()
	err := <-ended
	cancel()
	closed := sub.pubsub.Close() // wakes a reader that waits for Redis
	<-ended
	if errors.Is(err, errIdle) {
		return errors.Join(errIdle, client.Close())
	}
	return errors.Join(err, closed, client.Close())
}

// dispatch delivers a message to the tenant it is for. A tenant with much traffic
// on a shared link is moved to a lane.
func (p *PubSub) dispatch(k *link, m *redis.Message) {
	if m.Channel == p.marker {
		k.marked(m.Payload)
		return
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	tp := k.topics[m.Channel]
	if tp == nil || tp.muted {
		return
	}
	l := tp.line
	k.deliver(l, published{m.Channel, m.Payload})
	if k.shared && l.traffic.add(time.Now(), len(m.Payload)) && !l.isolating && l.moving == nil {
		l.isolating = true
		go l.isolate(k, p.mark)
	}
}

// mark publishes the mark of a move, on a separate connection: those for sending may
// all be in use.
func (p *PubSub) mark(ctx context.Context, host int, name string) error {
	client := redis.NewClient(withPoolSize(p.options[host], 1))
	return errors.Join(client.Publish(ctx, p.marker, name).Err(), client.Close())
}

func (p *PubSub) deliver(t wire.Tenant, received published) {
	m, to, ok := p.arrived(t, []byte(received.data))
	if !ok {
		return
	}
	if to != nil { // channels_redis.pubsub does not address messages
		counters := t.Counters()
		counters.CountDropped(&counters.Malformed, 1)
		return
	}
	if group, isGroup := strings.CutPrefix(received.name, p.groupPrefix()); isGroup {
		t.DeliverGroup(m, group)
	} else {
		t.Deliver(m, received.name)
	}
}

// pubSubLine is a tenant's line of a PubSub.
type pubSubLine struct {
	*line
	layer *PubSub
	slots slots
}

func (p *PubSub) newLine(t wire.Tenant) wire.Line {
	l := p.links.newLine(t)
	l.inbox = inbox{counters: t.Counters(), deliver: func(received published) { p.deliver(t, received) }}
	return &pubSubLine{line: l, layer: p, slots: p.newSlots()}
}

// Send implements [wire.Line]. Messages are published under the channel's name
// without a prefix, so it rejects the names of groups, which may be another
// tenant's, and of Django processes' channels.
func (l *pubSubLine) Send(ctx context.Context, name string, m *message.Entries) error {
	if strings.HasPrefix(name, l.layer.groupPrefix()) || ofDjango(name, l.layer.config.Prefix) {
		return fmt.Errorf("%w: channel %q: expected a name that is neither of a group nor of a Django process's channel", channel.ErrName, name)
	}
	return l.publish(ctx, name, m)
}

// GroupSend implements [wire.Line].
func (l *pubSubLine) GroupSend(ctx context.Context, group string, m *message.Entries) error {
	return l.publish(ctx, l.layer.groupPrefix()+group, m)
}

func (l *pubSubLine) publish(ctx context.Context, name string, m *message.Entries) error {
	if err := l.slots.acquire(ctx); err != nil {
		return err
	}
	defer l.slots.release()
	return l.layer.publish(ctx, name, m)
}

var (
	_ protocol      = (*PubSub)(nil)
	_ channel.Layer = (*PubSub)(nil)
	_ wire.Line     = (*pubSubLine)(nil)
)
