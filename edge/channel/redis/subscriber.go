package redis

import (
	"context"
	"errors"
	"strconv"
	"strings"
	"time"

	"github.com/redis/go-redis/v9"
)

// errNoAnswer: a host did not reply in time.
var errNoAnswer = errors.New("no reply in time")

// subscriber is a connection that subscribes to channels.
type subscriber struct {
	pubsub *redis.PubSub
	pongs  chan string
	answer time.Duration
	fences int
}

// newSubscriber returns a subscriber to one channel.
func newSubscriber(ctx context.Context, client *redis.Client, answer time.Duration, channel string) *subscriber {
	return &subscriber{pubsub: client.Subscribe(ctx, channel), pongs: make(chan string, 1), answer: answer}
}

// read delivers messages until it fails. A message without a payload, for which
// go-redis returns an error, is delivered as an empty one.
func (s *subscriber) read(ctx context.Context, deliver func(*redis.Message)) error {
	for {
		received, err := s.pubsub.Receive(ctx)
		switch {
		case err == nil:
		case strings.HasPrefix(err.Error(), "redis: unsupported pubsub message payload"):
			received = &redis.Message{}
		default:
			return err
		}
		switch v := received.(type) {
		case *redis.Message:
			deliver(v)
		case *redis.Pong:
			select {
			case s.pongs <- v.Payload:
			case <-ctx.Done():
				return context.Cause(ctx)
			}
		}
	}
}

// beat implements syncer.
func (s *subscriber) beat(ctx context.Context) error { return s.fence(ctx) }

// apply implements syncer: it subscribes and unsubscribes.
func (s *subscriber) apply(ctx context.Context, batch []*topic) error {
	var on, off []string
	for _, t := range batch {
		if t.wanted {
			on = append(on, t.name)
		} else {
			off = append(off, t.name)
		}
	}
	if len(on) > 0 {
		if err := s.pubsub.Subscribe(ctx, on...); err != nil {
			return err
		}
	}
	if len(off) > 0 {
		if err := s.pubsub.Unsubscribe(ctx, off...); err != nil {
			return err
		}
	}
	return s.fence(ctx)
}

// fence sends a PING and waits for its reply, and so for the replies to all
// commands before it. It detects a dead connection.
func (s *subscriber) fence(ctx context.Context) error {
	s.fences++
	name := strconv.Itoa(s.fences)
	if err := s.pubsub.Ping(ctx, name); err != nil {
		return err
	}
	late := time.NewTimer(s.answer)
	defer late.Stop()
	for {
		select {
		case pong := <-s.pongs:
			if pong == name {
				return nil
			}
		case <-late.C:
			return errNoAnswer
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
}

var _ syncer = (*subscriber)(nil)
