package redis

import (
	"context"
	"errors"
	"strconv"
	"time"

	"github.com/redis/go-redis/v9"
)

// errSilent says that a host did not answer in time.
var errSilent = errors.New("no answer in time")

// session implements protocol. A subscription is known once Redis has answered
// the PING behind it. The library would connect again by itself when something
// fails, and nobody would learn what was missed meanwhile; so a session ends at
// the first error, and the next has a connection of its own.
func (s *pubSubScope) session(ctx context.Context, k *link) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	client := redis.NewClient(only(s.layer.options[k.host]))
	sub := &subscriber{pubsub: client.Subscribe(ctx), pongs: make(chan string, 1), answer: s.layer.answer}
	if err := sub.pubsub.Ping(ctx, "0"); err != nil {
		return errors.Join(err, sub.pubsub.Close(), client.Close())
	}
	k.fresh(true)
	beat := time.NewTicker(s.layer.beat)
	defer beat.Stop()
	ended := make(chan error, 2)
	go func() { ended <- sub.read(ctx, s.deliver) }()
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

// subscriber is one connection that listens.
type subscriber struct {
	pubsub *redis.PubSub
	pongs  chan string
	answer time.Duration
	fences int
}

// read hands over what arrives.
func (s *subscriber) read(ctx context.Context, deliver func(*redis.Message)) error {
	for {
		arrived, err := s.pubsub.Receive(ctx)
		if err != nil {
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
