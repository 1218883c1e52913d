package redis

import (
	"context"
	"errors"
	"fmt"
	"slices"
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
// process that they are for reads them. Make it with [NewCore].
type Core struct {
	hosts
	links *links
	layer channel.Layer
	clock clock
	turn  atomic.Uint32 // of hosts, for general channels
	life  time.Duration // how long the process counts as alive after it has shown that
}

// NewCore returns the layer. It connects when it is used.
func NewCore(config Config) (*Core, error) {
	config, err := config.complete()
	if err != nil {
		return nil, err
	}
	// channels_redis gives encrypted messages ten seconds more than others.
	codec, err := newCodec(config, config.RandomPrefix, config.Expiry+10*time.Second)
	if err != nil {
		return nil, err
	}
	h, err := newHosts(config, codec)
	if err != nil {
		return nil, err
	}
	c := &Core{hosts: h, clock: clock{now: time.Now}, life: lifeTime}
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

// Keys, and the times that are their scores.

func (c *Core) groupKey(group string) string { return c.config.Prefix + ":group:" + group }

// queueKey returns the key of the queue of a channel's process, and its host.
// The name without the local part decides about both; that channels_redis
// takes the whole name for a direct send's host is why readers ask every host.
func (c *Core) queueKey(name string) (key string, host int) {
	process, _, local := strings.Cut(name, "!")
	if local {
		process += "!"
	}
	return c.config.Prefix + process, shard(process, len(c.clients))
}

func (c *Core) groupSend(ctx context.Context, counters *wire.Counters, group string, m *message.Entries) error {
	key, client := c.groupKey(group), c.clients[shard(group, len(c.clients))]
	var members *redis.StringSliceCmd
	_, err := client.Pipelined(ctx, func(p redis.Pipeliner) error {
		p.ZRemRangeByScore(ctx, key, "0", c.before(c.config.GroupExpiry))
		members = p.ZRange(ctx, key, 0, -1)
		return nil
	})
	if err != nil {
		return broken(err)
	}
	// A host that fails keeps the message from its own members alone.
	var failed error
	for host, posts := range c.sort(members.Val()) {
		if len(posts) == 0 {
			continue
		}
		over, dead, err := c.post(ctx, host, posts, m)
		failed = errors.Join(failed, err)
		counters.CountDropped(&counters.OverCapacity, uint64(over))
		c.bury(ctx, group, dead)
	}
	return failed
}

// post is what one process gets of a group message.
type post struct {
	key      string
	alive    string // the key that shows that the process lives; empty for Django's
	channels []string
}

// sort groups the members of a group by host and process, in order, those first
// that show that they live.
func (c *Core) sort(members []string) [][]post {
	all := make([][]post, len(c.clients))
	at := make(map[string]int, len(members))
	for _, name := range members {
		key, host := c.queueKey(name)
		i, found := at[key]
		if !found {
			i = len(all[host])
			at[key] = i
			all[host] = append(all[host], post{key: key, alive: c.aliveOf(name)})
		}
		all[host][i].channels = append(all[host][i].channels, name)
	}
	for _, posts := range all {
		slices.SortStableFunc(posts, func(a, b post) int { return strings.Compare(b.alive, a.alive) })
	}
	return all
}

// postScript adds one message to each of the queues that have room and whose
// process lives. KEYS are the queues, then, for the first of them, what shows that
// their processes live; ARGV their messages, then their capacities, then the time
// and the seconds that the messages may wait. It returns how many had no room,
// and which queues are those of dead processes.
const postScript = `local n, result = (#ARGV - 2) / 2, {0}
for i = 1, n do
	if KEYS[n + i] and redis.call('EXISTS', KEYS[n + i]) == 0 then
		result[#result + 1] = i
	elseif redis.call('ZCOUNT', KEYS[i], '-inf', '+inf') < tonumber(ARGV[n + i]) then
		redis.call('ZADD', KEYS[i], ARGV[2 * n + 1], ARGV[i])
		redis.call('EXPIRE', KEYS[i], ARGV[2 * n + 2])
	else
		result[1] = result[1] + 1
	end
end
return result`

// post sends m to the processes of one host. It returns how many of them had too
// much unread already, and the channels of those that are dead.
func (c *Core) post(ctx context.Context, host int, posts []post, m *message.Entries) (over int64, dead []string, err error) {
	keys := make([]string, len(posts), 2*len(posts))
	args := make([]any, 2*len(posts), 2*len(posts)+2)
	for i, p := range posts {
		keys[i] = p.key
		if args[i], err = c.codec.encode(m, false, p.channels...); err != nil {
			return 0, nil, err
		}
		args[len(posts)+i] = c.config.Capacity
		if p.alive != "" {
			keys = append(keys, p.alive)
		}
	}
	args = append(args, formatTime(c.clock.next()), seconds(c.config.Expiry))
	var result *redis.Cmd
	old := c.before(c.config.Expiry)
	_, err = c.clients[host].Pipelined(ctx, func(p redis.Pipeliner) error {
		p.Do(ctx, "MULTI")
		for _, key := range keys[:len(posts)] {
			p.Do(ctx, "ZREMRANGEBYSCORE", key, "0", old) // answered with QUEUED
		}
		p.Do(ctx, "EXEC")
		result = p.Eval(ctx, postScript, keys, args...)
		return nil
	})
	if err != nil {
		return 0, nil, broken(err)
	}
	counts, err := result.Int64Slice()
	if err != nil || len(counts) == 0 {
		return 0, nil, broken(err)
	}
	for _, i := range counts[1:] {
		dead = append(dead, posts[i-1].channels...)
	}
	return counts[0], dead, nil
}

func (c *Core) send(ctx context.Context, counters *wire.Counters, name string, m *message.Entries) error {
	key, host := c.queueKey(name)
	var to []string
	if strings.Contains(name, "!") {
		to = []string{name}
	} else {
		host = int(c.turn.Add(1)-1) % len(c.clients)
	}
	payload, err := c.codec.encode(m, true, to...)
	if err != nil {
		return err
	}
	client := c.clients[host]
	var waiting, lives *redis.IntCmd
	_, err = client.Pipelined(ctx, func(p redis.Pipeliner) error {
		p.ZRemRangeByScore(ctx, key, "0", c.before(c.config.Expiry))
		waiting = p.ZCount(ctx, key, "-inf", "+inf")
		if alive := c.aliveOf(name); alive != "" {
			lives = p.Exists(ctx, alive)
		}
		return nil
	})
	if err != nil {
		return broken(err)
	}
	if lives != nil && lives.Val() == 0 {
		counters.Unknown.Add(1)
		return nil
	}
	if waiting.Val() >= int64(c.config.Capacity) {
		counters.CountDropped(&counters.OverCapacity, 1)
		return fmt.Errorf("%w: %d messages wait for %s", channel.ErrFull, waiting.Val(), name)
	}
	_, err = client.Pipelined(ctx, func(p redis.Pipeliner) error {
		p.Do(ctx, "ZADD", key, formatTime(c.clock.next()), payload)
		p.Expire(ctx, key, c.config.Expiry)
		return nil
	})
	return broken(err)
}

// before returns the time by which something with a life has expired.
func (c *Core) before(life time.Duration) string {
	return strconv.FormatInt(c.clock.time().Unix()-int64(life/time.Second), 10)
}

func seconds(d time.Duration) int64 { return int64(d / time.Second) }

// coreLine is a tenant's line of a Core.
type coreLine struct {
	*line
	core  *Core
	turns turns
}

func (c *Core) newLine(t wire.Tenant) wire.Line {
	return &coreLine{line: c.links.newLine(t), core: c, turns: c.newTurns()}
}

// Send implements [wire.Line]. A channel of a Django process belongs to no
// tenant, so no tenant may reach it by a schema that makes such a name.
func (l *coreLine) Send(ctx context.Context, name string, m *message.Entries) error {
	if ofDjango(name, "") {
		return fmt.Errorf("%w: channel %q: Django's own have such names", channel.ErrName, name)
	}
	if err := l.turns.take(ctx); err != nil {
		return err
	}
	defer l.turns.give()
	return l.core.send(ctx, l.tenant.Counters(), name, m)
}

// GroupSend implements [wire.Line].
func (l *coreLine) GroupSend(ctx context.Context, group string, m *message.Entries) error {
	if err := l.turns.take(ctx); err != nil {
		return err
	}
	defer l.turns.give()
	return l.core.groupSend(ctx, l.tenant.Counters(), group, m)
}

var (
	_ channel.Layer = (*Core)(nil)
	_ wire.Line     = (*coreLine)(nil)
)
