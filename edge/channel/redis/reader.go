package redis

import (
	"context"
	"errors"
	"time"

	"github.com/redis/go-redis/v9"
)

// drain is how many messages are taken at once when several wait.
const drain = 128

// session implements protocol. Two goroutines share it: one tells the host
// which groups the process is in, the other reads its queue. The first to fail
// ends both.
func (s *coreScope) session(ctx context.Context, k *link) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	client := redis.NewClient(only(s.layer.options[k.host]))
	if err := client.Ping(ctx).Err(); err != nil {
		return errors.Join(err, client.Close())
	}
	k.fresh(false)
	beat := min(s.layer.beat, s.layer.config.GroupExpiry/4)
	beats := int(s.layer.config.GroupExpiry / 4 / beat)
	renewal := time.NewTicker(beat)
	defer renewal.Stop()
	ended := make(chan error, 2)
	go func() { ended <- s.read(ctx, client) }()
	go func() {
		renew := func(ctx context.Context) error { return s.layer.renew(ctx, k.host, k.due(beats)) }
		join := func(ctx context.Context, batch []*topic) error { return s.layer.join(ctx, k.host, batch) }
		ended <- k.keep(ctx, renewal.C, renew, join)
	}()
	err := <-ended
	cancel()
	closed := client.Close() // a reader that waits for Redis is woken by this alone
	<-ended
	if errors.Is(err, errIdle) {
		return errIdle
	}
	return errors.Join(err, closed)
}

// read hands over what arrives in the process's queue. What it takes out of
// Redis is not kept there as channels_redis does ($inflight): a process that
// ends takes its channels with it, so that nobody could make use of that.
func (s *coreScope) read(ctx context.Context, client *redis.Client) error {
	key := s.layer.config.Prefix + s.Prefix()
	for {
		first, err := s.pop(ctx, client, key)
		if errors.Is(err, redis.Nil) {
			continue
		}
		if err != nil {
			return err
		}
		s.deliver(first.Z)
		for more := true; more; {
			rest, err := client.ZPopMin(ctx, key, drain).Result()
			if err != nil {
				return err
			}
			for _, z := range rest {
				s.deliver(z)
			}
			more = len(rest) == drain
		}
	}
}

// pop waits for a message, and not longer for Redis than it should take.
func (s *coreScope) pop(ctx context.Context, client *redis.Client, key string) (*redis.ZWithKey, error) {
	ctx, cancel := context.WithTimeout(ctx, s.layer.beat+s.layer.answer)
	defer cancel()
	return client.BZPopMin(ctx, s.layer.beat, key).Result()
}

func (s *coreScope) deliver(z redis.Z) {
	data, ok := z.Member.(string)
	if !ok {
		s.Counters.Dropped(&s.Counters.Malformed, 1)
		return
	}
	m, to := s.layer.arrived(s.Local, []byte(data))
	if m == nil {
		return
	}
	if to == nil { // a message in a process's queue says for whom it is
		s.Counters.Dropped(&s.Counters.Malformed, 1)
	}
	for _, name := range to {
		s.Deliver(name, m)
	}
}
