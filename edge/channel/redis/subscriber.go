package redis

import (
	"context"
	"errors"
	"strconv"
	"strings"
	"time"

	"github.com/redis/go-redis/v9"
)

// errSilent says that a host did not answer in time.
var errSilent = errors.New("no answer in time")

// subscriber is one connection that listens.
type subscriber struct {
	pubsub *redis.PubSub
	pongs  chan string
	answer time.Duration
	fences int
}

// newSubscriber returns one that listens to a channel already.
func newSubscriber(ctx context.Context, client *redis.Client, answer time.Duration, channel string) *subscriber {
	return &subscriber{pubsub: client.Subscribe(ctx, channel), pongs: make(chan string, 1), answer: answer}
}

// read hands over what arrives. An arrival without a payload, which go-redis has
// no type for, is a message without one.
func (s *subscriber) read(ctx context.Context, deliver func(*redis.Message)) error {
	for {
		arrived, err := s.pubsub.Receive(ctx)
		switch {
		case err == nil:
		case strings.HasPrefix(err.Error(), "redis: unsupported pubsub message payload"):
			arrived = &redis.Message{}
		default:
			return err
		}
		switch v := arrived.(type) {
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

// tell subscribes to topics, and unsubscribes, and waits until Redis has done
// it.
func (s *subscriber) tell(ctx context.Context, batch []*topic) error {
	var on, off []string
	for _, t := range batch {
		if t.wish {
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

// fence waits until Redis has answered all that was sent before, and so finds
// a connection that is dead without a word.
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
			return errSilent
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
}
