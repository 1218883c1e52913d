package redis

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"sync/atomic"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/tenantedge/tenantedge/edge/channel"
	"github.com/tenantedge/tenantedge/edge/channel/internal/message"
	"github.com/tenantedge/tenantedge/edge/channel/internal/wire"
)

// Core is the layer of channels_redis.core: messages wait in Redis until the
// receiving process reads them. [NewCore] makes one.
type Core struct {
	hosts
	links    *links
	layer    channel.Layer
	clock    clock
	nextHost atomic.Uint32 // round robin, for general channels
	aliveTTL time.Duration // of the key that shows that the process is alive
}

// NewCore returns a layer that is compatible with channels_redis.core. It connects
// when it is first used.
func NewCore(config Config) (*Core, error) {
	config, err := config.complete()
	if err != nil {
		return nil, err
	}
	// channels_redis accepts encrypted messages ten seconds longer than Expiry.
	codec, err := newCodec(config, config.RandomPrefix, config.Expiry+10*time.Second)
	if err != nil {
		return nil, err
	}
	h, err := newHosts(config, codec)
	if err != nil {
		return nil, err
	}
	c := &Core{hosts: h, clock: clock{now: time.Now}, aliveTTL: aliveTime}
	if c.layer, err = channel.Over(config.Config, c.process, c.newLine); err != nil {
		return nil, errors.Join(err, c.close())
	}
	c.links = newLinks(c, c.outages)
	return c, nil
}

// For implements [channel.Layer].
func (c *Core) For(schema string) (channel.Scope, error) { return c.layer.For(schema) }

// Stats implements [channel.Layer].
func (c *Core) Stats() channel.Stats { return c.layer.Stats() }

// Close implements [channel.Layer].
func (c *Core) Close() error {
	err := c.layer.Close()
	c.links.close()
	return errors.Join(err, c.close())
}

func (c *Core) groupKey(group string) string { return c.config.Prefix + ":group:" + group }

// queueKey returns the key and the host of the queue in which messages for a
// channel wait. The part of the name up to the exclamation mark determines both.
// channels_redis picks the host of a direct send by the full name, so readers
// look at every host.
func (c *Core) queueKey(name string) (key string, host int) {
	process, _, local := strings.Cut(name, "!")
	if local {
		process += "!"
	}
	return c.config.Prefix + process, shard(process, len(c.clients))
}

// groupSend sends to the members of a group. A host that fails affects only the
// members whose queues it has.
func (c *Core) groupSend(ctx context.Context, counters *wire.Counters, group string, m *message.Entries) error {
	key, client := c.groupKey(group), c.clients[shard(group, len(c.clients))]
	var members *redis.StringSliceCmd
	_, err := client.Pipelined(ctx, func(p redis.Pipeliner) error {
		p.ZRemRangeByScore(ctx, key, "0", c.cutoff(c.config.GroupExpiry))
		members = p.ZRange(ctx, key, 0, -1)
		return nil
	})
	if err != nil {
		return broken(err)
	}
	var failed error
	for host, recipients := range c.groupByHost(members.Val()) {
		if len(recipients) == 0 {
			continue
		}
		over, dead, err := c.postToHost(ctx, host, recipients, m)
		failed = errors.Join(failed, err)
		counters.CountDropped(&counters.OverCapacity, uint64(over))
		c.removeDead(ctx, group, dead)
	}
	return failed
}

// send sends to one channel.
func (c *Core) send(ctx context.Context, counters *wire.Counters, name string, m *message.Entries) error {
	key, host := c.queueKey(name)
	var to []string
	if strings.Contains(name, "!") {
		to = []string{name}
	} else {
		host = int(c.nextHost.Add(1)-1) % len(c.clients)
	}
	payload, err := c.codec.encode(m, true, to...)
	if err != nil {
		return err
	}
	client := c.clients[host]
	waiting, alive, err := c.queueState(ctx, client, key, name)
	switch {
	case err != nil:
		return err
	case !alive:
		counters.Unknown.Add(1)
		return nil
	case waiting >= int64(c.config.Capacity):
		counters.CountDropped(&counters.OverCapacity, 1)
		return fmt.Errorf("%w: %d messages wait for %s", channel.ErrFull, waiting, name)
	}
	_, err = client.Pipelined(ctx, func(p redis.Pipeliner) error {
		p.Do(ctx, "ZADD", key, formatTime(c.clock.next()), payload)
		p.Expire(ctx, key, c.config.Expiry)
		return nil
	})
	return broken(err)
}

// queueState removes expired messages from a channel's queue, and returns how
// many messages wait and whether the channel's process is alive. A process of
// Django counts as alive.
func (c *Core) queueState(ctx context.Context, client *redis.Client, key, name string) (waiting int64, alive bool, err error) {
	var count, exists *redis.IntCmd
	_, err = client.Pipelined(ctx, func(p redis.Pipeliner) error {
		p.ZRemRangeByScore(ctx, key, "0", c.cutoff(c.config.Expiry))
		count = p.ZCount(ctx, key, "-inf", "+inf")
		if aliveKey := c.aliveKeyOf(name); aliveKey != "" {
			exists = p.Exists(ctx, aliveKey)
		}
		return nil
	})
	if err != nil {
		return 0, false, broken(err)
	}
	return count.Val(), exists == nil || exists.Val() > 0, nil
}

// cutoff returns the score up to which entries have exceeded their expiry.
func (c *Core) cutoff(expiry time.Duration) string {
	return strconv.FormatInt(c.clock.time().Unix()-int64(expiry/time.Second), 10)
}

func seconds(d time.Duration) int64 { return int64(d / time.Second) }

// coreLine is a tenant's line of a Core.
type coreLine struct {
	*line
	core  *Core
	slots slots
}

func (c *Core) newLine(t wire.Tenant) wire.Line {
	return &coreLine{line: c.links.newLine(t), core: c, slots: c.newSlots()}
}

// Send implements [wire.Line]. It rejects the names that channels_redis gives to
// its own channels, which a tenant's schema can imitate.
func (l *coreLine) Send(ctx context.Context, name string, m *message.Entries) error {
	if ofDjango(name, "") {
		return fmt.Errorf("%w: channel %q: expected a name that is not of a Django process's channel", channel.ErrName, name)
	}
	if err := l.slots.acquire(ctx); err != nil {
		return err
	}
	defer l.slots.release()
	return l.core.send(ctx, l.tenant.Counters(), name, m)
}

// GroupSend implements [wire.Line].
func (l *coreLine) GroupSend(ctx context.Context, group string, m *message.Entries) error {
	if err := l.slots.acquire(ctx); err != nil {
		return err
	}
	defer l.slots.release()
	return l.core.groupSend(ctx, l.tenant.Counters(), group, m)
}

var (
	_ channel.Layer = (*Core)(nil)
	_ wire.Line     = (*coreLine)(nil)
)
