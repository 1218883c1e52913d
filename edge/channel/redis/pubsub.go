package redis

import (
	"context"
	"fmt"
	"strings"

	"github.com/redis/go-redis/v9"

	"github.com/tenantedge/tenantedge/edge/channel"
)

// PubSub is the layer of channels_redis.pubsub: Redis stores nothing, and what
// nobody listens to is gone. Make it with [NewPubSub].
type PubSub struct {
	hosts
	scopes channel.Scopes[*pubSubScope]
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
	return &PubSub{hosts: h}, err
}

// For implements [channel.Layer].
func (p *PubSub) For(schema string) (channel.Scope, error) {
	return p.scopes.For(schema, func() (*pubSubScope, error) {
		s := &pubSubScope{layer: p, turns: p.newTurns()}
		s.line = newLine(s, p.outages)
		local, err := channel.NewLocal(schema, p.config.Config, s.line)
		s.Local, s.line.local = local, local
		return s, err
	})
}

// Stats implements [channel.Layer].
func (p *PubSub) Stats() channel.Stats { return p.scopes.Stats() }

// Close implements [channel.Layer].
func (p *PubSub) Close() error {
	all := p.scopes.Close()
	for _, s := range all {
		s.CloseAll()
	}
	closeLines(all)
	return p.close()
}

// groupPrefix begins the names under which groups are published. It is made of
// letters that names may have, so a channel's could begin with it: see Send.
func (p *PubSub) groupPrefix() string { return p.config.Prefix + "__group__" }

func (p *PubSub) publish(ctx context.Context, name string, m *channel.Message) error {
	data, err := p.codec.encode(m, false)
	if err != nil {
		return err
	}
	return broken(p.clients[shard(name, len(p.clients))].Publish(ctx, name, data).Err())
}

// pubSubScope is a tenant's scope of a PubSub.
type pubSubScope struct {
	*channel.Local
	layer *PubSub
	line  *line
	turns turns
}

func (s *pubSubScope) wire() *line { return s.line }

// Send implements [channel.Scope]. A channel is published under its name as it
// is. Where that would be the name of a group, perhaps another tenant's, or of
// a Django process's channel, it is refused.
func (s *pubSubScope) Send(ctx context.Context, name string, m *channel.Message) error {
	wire, err := channel.ChannelName(s.Schema(), name)
	if err != nil {
		return err
	}
	if strings.HasPrefix(wire, s.layer.groupPrefix()) || ofDjango(wire, s.layer.config.Prefix) {
		return fmt.Errorf("%w: channel %q: groups and Django's own have such names in Redis", channel.ErrName, wire)
	}
	return s.publish(ctx, wire, m)
}

// GroupSend implements [channel.Scope].
func (s *pubSubScope) GroupSend(ctx context.Context, group string, m *channel.Message) error {
	wire, err := channel.GroupName(s.Schema(), group)
	if err != nil {
		return err
	}
	return s.publish(ctx, s.layer.groupPrefix()+wire, m)
}

func (s *pubSubScope) publish(ctx context.Context, name string, m *channel.Message) error {
	err := s.layer.check(s.Local, m)
	if err == nil {
		err = s.turns.take(ctx)
	}
	if err != nil {
		return sent(s.Counters, err)
	}
	defer s.turns.give()
	return sent(s.Counters, s.layer.publish(ctx, name, m))
}

// place implements protocol.
func (s *pubSubScope) place(t channel.Topic) (string, int, bool) {
	name := t.Channel
	if t.Group != "" {
		name = s.layer.groupPrefix() + t.Group
	}
	return name, shard(name, len(s.layer.clients)), true
}

func (s *pubSubScope) deliver(msg *redis.Message) {
	m, to := s.layer.arrived(s.Local, []byte(msg.Payload))
	if m == nil {
		return
	}
	if to != nil { // nobody addresses messages here, and consumers must not see it
		s.Counters.Dropped(&s.Counters.Malformed, 1)
		return
	}
	group, isGroup := strings.CutPrefix(msg.Channel, s.layer.groupPrefix())
	if !isGroup {
		s.Deliver(msg.Channel, m)
		return
	}
	if name, ours := strings.CutPrefix(group, s.Schema()+"."); ours {
		s.DeliverGroup(name, m)
	} else {
		s.Foreign()
	}
}

var (
	_ channel.Layer = (*PubSub)(nil)
	_ channel.Scope = (*pubSubScope)(nil)
)
