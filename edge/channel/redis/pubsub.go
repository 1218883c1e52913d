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

// PubSub is the layer of channels_redis.pubsub: Redis stores nothing, and what
// nobody listens to is gone. Make it with [NewPubSub].
type PubSub struct {
	hosts
	links *links
	layer channel.Layer
	// marker is where moves are marked, for both links of a move to get, see
	// lane.go: the name of a channel of a Django process, which no tenant reaches.
	marker string
}

// NewPubSub returns the layer. It connects when it is used.
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

// groupPrefix begins the names under which groups are published. It is made of
// letters that names may have, so a channel's could begin with it: see Send.
func (p *PubSub) groupPrefix() string { return p.config.Prefix + "__group__" }

func (p *PubSub) publish(ctx context.Context, name string, m *message.Entries) error {
	data, err := p.codec.encode(m, false)
	if err != nil {
		return err
	}
	return broken(p.clients[shard(name, len(p.clients))].Publish(ctx, name, data).Err())
}

// place implements protocol.
func (p *PubSub) place(t wire.Topic, host int) (string, bool) {
	name := t.Channel
	if t.Group != "" {
		name = p.groupPrefix() + t.Group
	}
	return name, shard(name, len(p.clients)) == host
}

// session implements protocol. A subscription is known once Redis has answered
// the PING after it. The library would connect again by itself when something
// fails, and receivers would not learn what was missed meanwhile; so a session
// ends at the first error, and the next has a connection of its own.
func (p *PubSub) session(ctx context.Context, k *link) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	client := redis.NewClient(only(p.options[k.host], 1))
	sub := newSubscriber(ctx, client, p.answer, p.marker)
	if err := sub.pubsub.Ping(ctx, "0"); err != nil {
		return errors.Join(err, sub.pubsub.Close(), client.Close())
	}
	k.fresh(true)
	beat := time.NewTicker(p.beat)
	defer beat.Stop()
	ended := make(chan error, 2)
	go func() { ended <- sub.read(ctx, func(m *redis.Message) { p.dispatch(k, m) }) }()
	go func() { ended <- k.keep(ctx, beat.C, sub.fence, sub.tell) }()
	err := <-ended
	cancel()
	closed := sub.pubsub.Close() // a reader that waits for Redis is woken by this alone
	<-ended
	if errors.Is(err, errIdle) {
		return errors.Join(errIdle, client.Close())
	}
	return errors.Join(err, closed, client.Close())
}

// dispatch gives what arrived to the tenant that it is for. A tenant that gets
// very much by a link that others share is moved to a lane.
func (p *PubSub) dispatch(k *link, m *redis.Message) {
	if m.Channel == p.marker {
		k.crossed(m.Payload)
		return
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	tp := k.topics[m.Channel]
	if tp == nil || tp.mute {
		return
	}
	l := tp.line
	k.hand(l, arrival{m.Channel, m.Payload})
	if k.shared && l.inflow.add(time.Now(), len(m.Payload)) && !l.isolating && l.moving == nil {
		l.isolating = true
		go l.isolate(k, p.mark)
	}
}

// mark publishes the mark of a move. The connections that tenants send by may all
// be taken.
func (p *PubSub) mark(ctx context.Context, host int, name string) error {
	client := redis.NewClient(only(p.options[host], 1))
	return errors.Join(client.Publish(ctx, p.marker, name).Err(), client.Close())
}

func (p *PubSub) deliver(t wire.Tenant, a arrival) {
	m, to, ok := p.arrived(t, []byte(a.data))
	if !ok {
		return
	}
	if to != nil { // no layer addresses messages here, and consumers must not see it
		counters := t.Counters()
		counters.CountDropped(&counters.Malformed, 1)
		return
	}
	if group, isGroup := strings.CutPrefix(a.name, p.groupPrefix()); isGroup {
		t.DeliverGroup(m, group)
	} else {
		t.Deliver(m, a.name)
	}
}

// pubSubLine is a tenant's line of a PubSub.
type pubSubLine struct {
	*line
	layer *PubSub
	turns turns
}

func (p *PubSub) newLine(t wire.Tenant) wire.Line {
	l := p.links.newLine(t)
	l.inbox = inbox{counters: t.Counters(), deliver: func(a arrival) { p.deliver(t, a) }}
	return &pubSubLine{line: l, layer: p, turns: p.newTurns()}
}

// Send implements [wire.Line]. A channel is published under its name as it
// is. Where that would be the name of a group, perhaps another tenant's, or of
// a Django process's channel, it is refused.
func (l *pubSubLine) Send(ctx context.Context, name string, m *message.Entries) error {
	if strings.HasPrefix(name, l.layer.groupPrefix()) || ofDjango(name, l.layer.config.Prefix) {
		return fmt.Errorf("%w: channel %q: groups and Django's own have such names in Redis", channel.ErrName, name)
	}
	return l.publish(ctx, name, m)
}

// GroupSend implements [wire.Line].
func (l *pubSubLine) GroupSend(ctx context.Context, group string, m *message.Entries) error {
	return l.publish(ctx, l.layer.groupPrefix()+group, m)
}

func (l *pubSubLine) publish(ctx context.Context, name string, m *message.Entries) error {
	if err := l.turns.take(ctx); err != nil {
		return err
	}
	defer l.turns.give()
	return l.layer.publish(ctx, name, m)
}

var (
	_ channel.Layer = (*PubSub)(nil)
	_ wire.Line     = (*pubSubLine)(nil)
)
