package redis

import (
	"context"
	"errors"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/tenantedge/tenantedge/edge/channel"
	"github.com/tenantedge/tenantedge/edge/channel/internal/wire"
)

// aliveTime is how long a process counts as alive after it has set its key.
const aliveTime = 30 * time.Second

// aliveKey returns the key that a process sets at each host it is connected to,
// and renews before it expires. Names of channels have no colon, so no queue has
// this key. channels_redis ignores it.
func (c *Core) aliveKey(p wire.Process) string { return c.config.Prefix + ":process:" + p.String() }

// aliveKeyOf returns the aliveKey of a channel's process, or "" for a process that
// sets none, such as Django's.
func (c *Core) aliveKeyOf(name string) string {
	p, ok := wire.ProcessOf(name)
	if !ok {
		return ""
	}
	return c.aliveKey(p)
}

// setAlive sets the aliveKey. Memberships must be written after it: without the
// key, other processes remove them.
func (c *Core) setAlive(ctx context.Context, client *redis.Client) error {
	return client.Set(ctx, c.aliveKey(c.process), 1, c.aliveTTL).Err()
}

// renewAlive renews the aliveKey. If the key does not exist, Redis lost its keys,
// or the key expired, and other processes may have removed memberships.
func (c *Core) renewAlive(ctx context.Context, client *redis.Client) error {
	exists, err := client.SetXX(ctx, c.aliveKey(c.process), 1, c.aliveTTL).Result()
	if err == nil && !exists {
		err = errLost
	}
	return err
}

// removeAlive removes the aliveKey.
func (c *Core) removeAlive(ctx context.Context, client *redis.Client) error {
	return client.Del(ctx, c.aliveKey(c.process)).Err()
}

// removeDeadScript removes members of a group whose process is still dead. KEYS
// are the group and the aliveKey of each member; ARGV are the members.
const removeDeadScript = `for i = 1, #ARGV do
	if redis.call('EXISTS', KEYS[i + 1]) == 0 then
		redis.call('ZREM', KEYS[1], ARGV[i])
	end
end`

// removeDead removes members of a group whose processes are dead. It ignores
// errors: the next message finds the members again.
func (c *Core) removeDead(ctx context.Context, group string, members []string) {
	if len(members) == 0 {
		return
	}
	keys, args := []string{c.groupKey(group)}, []any(nil)
	for _, name := range members {
		keys, args = append(keys, c.aliveKeyOf(name)), append(args, name)
	}
	_ = c.clients[shard(group, len(c.clients))].Eval(ctx, removeDeadScript, keys, args...).Err()
}

// join writes the memberships of wanted topics and removes those of others.
func (c *Core) join(ctx context.Context, client *redis.Client, batch []*topic) error {
	now := formatTime(c.clock.next())
	_, err := client.Pipelined(ctx, func(p redis.Pipeliner) error {
		for _, t := range batch {
			switch {
			case t.Group == "":
			case t.wanted:
				p.Do(ctx, "ZADD", t.name, now, t.Channel)
				p.Expire(ctx, t.name, c.config.GroupExpiry)
			default:
				p.ZRem(ctx, t.name, t.Channel)
			}
		}
		return nil
	})
	return err
}

// errLost: a host lost memberships that it had confirmed, by FLUSHALL, or
// because it evicts keys when its memory is full.
var errLost = errors.New("the server lost memberships that it had confirmed: messages may have been lost")

// membersPerSweep is how many members of a group each renewal checks, the oldest
// first.
const membersPerSweep = 100

// renew writes memberships again before they expire. Redis's reply shows whether a
// membership still existed; the receivers of tenants that lost one are notified.
// It also removes dead members: if only Django sends to a group, they would remain
// until GroupExpiry.
func (c *Core) renew(ctx context.Context, client *redis.Client, k *link, due []*topic) error {
	now := formatTime(c.clock.next())
	added, members := map[*topic]*redis.Cmd{}, map[*topic]*redis.StringSliceCmd{}
	_, err := client.Pipelined(ctx, func(p redis.Pipeliner) error {
		for _, t := range due {
			if t.Group != "" {
				added[t] = p.Do(ctx, "ZADD", t.name, now, t.Channel)
				p.Expire(ctx, t.name, c.config.GroupExpiry)
				members[t] = p.ZRange(ctx, t.name, 0, membersPerSweep-1)
			}
		}
		return nil
	})
	if err != nil {
		return err
	}
	lost := map[*line]error{}
	for t, a := range added {
		if n, err := a.Int64(); err != nil || n != 0 {
			lost[k.owner(t)] = errors.Join(channel.ErrBroken, errLost, err)
		}
	}
	if len(lost) > 0 {
		k.markLost(lost)
	}
	return c.sweep(ctx, client, members)
}

// sweep removes dead members from groups of one host.
func (c *Core) sweep(ctx context.Context, client *redis.Client, members map[*topic]*redis.StringSliceCmd) error {
	exist := map[string]*redis.IntCmd{} // by aliveKey
	_, err := client.Pipelined(ctx, func(p redis.Pipeliner) error {
		for _, found := range members {
			for _, name := range found.Val() {
				if key := c.aliveKeyOf(name); key != "" && key != c.aliveKey(c.process) && exist[key] == nil {
					exist[key] = p.Exists(ctx, key)
				}
			}
		}
		return nil
	})
	if err != nil {
		return err
	}
	for t, found := range members {
		var dead []string
		for _, name := range found.Val() {
			if e := exist[c.aliveKeyOf(name)]; e != nil && e.Val() == 0 {
				dead = append(dead, name)
			}
		}
		c.removeDead(ctx, t.Group, dead)
	}
	return nil
}
