package redis

import (
	"context"
	"errors"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/tenantedge/tenantedge/edge/channel"
	"github.com/tenantedge/tenantedge/edge/channel/internal/wire"
)

// lifeTime is how long a process counts as alive that does not show that it is.
const lifeTime = 30 * time.Second

// aliveKey is the key of a process at each host that it is connected to. It
// expires unless the process renews it. Names of channels have no colon, so that
// it is no queue's, and channels_redis does not look at it.
func (c *Core) aliveKey(p wire.Process) string { return c.config.Prefix + ":process:" + p.String() }

// aliveOf returns the key that shows that the process of a channel lives, or ""
// if the process shows nothing: Django's do not.
func (c *Core) aliveOf(name string) string {
	p, ok := wire.ProcessOf(name)
	if !ok {
		return ""
	}
	return c.aliveKey(p)
}

// appear shows a host that the process lives. Its memberships have to be written
// after that: until then others may remove them.
func (c *Core) appear(ctx context.Context, client *redis.Client) error {
	return client.Set(ctx, c.aliveKey(c.process), 1, c.life).Err()
}

// stay is appear for a process that has appeared. If the key is gone, Redis has
// lost its keys, or others have had reason to remove the process.
func (c *Core) stay(ctx context.Context, client *redis.Client) error {
	there, err := client.SetXX(ctx, c.aliveKey(c.process), 1, c.life).Result()
	if err == nil && !there {
		err = errForgot
	}
	return err
}

// disappear ends what appear began.
func (c *Core) disappear(ctx context.Context, client *redis.Client) error {
	return client.Del(ctx, c.aliveKey(c.process)).Err()
}

// buryScript removes members of a group whose process is dead, if it still is.
// KEYS are the group, then what would show that each member's process lives;
// ARGV are the members.
const buryScript = `for i = 1, #ARGV do
	if redis.call('EXISTS', KEYS[i + 1]) == 0 then
		redis.call('ZREM', KEYS[1], ARGV[i])
	end
end`

// bury removes members of a group whose processes are dead. An error is no loss:
// they are found again with the next message.
func (c *Core) bury(ctx context.Context, group string, members []string) {
	if len(members) == 0 {
		return
	}
	keys, args := []string{c.groupKey(group)}, []any(nil)
	for _, name := range members {
		keys, args = append(keys, c.aliveOf(name)), append(args, name)
	}
	_ = c.clients[shard(group, len(c.clients))].Eval(ctx, buryScript, keys, args...).Err()
}

// join writes memberships, and takes them back where the topic's wish is so.
func (c *Core) join(ctx context.Context, client *redis.Client, batch []*topic) error {
	now := formatTime(c.clock.next())
	_, err := client.Pipelined(ctx, func(p redis.Pipeliner) error {
		for _, t := range batch {
			switch {
			case t.Group == "":
			case t.wish:
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

// errForgot says that a host lost what it had confirmed: by FLUSHALL, or because
// it evicts keys when its memory is full.
var errForgot = errors.New("memberships that Redis had confirmed are lost: messages may have been lost")

// oldest is how many members of a group are looked at with each renewal.
const oldest = 100

// renew writes memberships that Redis should have again, so that none expires.
// Whether they were still there is in the answer to the same command: tenants
// whose memberships were not are told. Members that are dead are removed: the
// group may have no other sender than Django, which would keep them for as long
// as a membership lasts.
func (c *Core) renew(ctx context.Context, client *redis.Client, k *link, due []*topic) error {
	now := formatTime(c.clock.next())
	added, members := map[*topic]*redis.Cmd{}, map[*topic]*redis.StringSliceCmd{}
	_, err := client.Pipelined(ctx, func(p redis.Pipeliner) error {
		for _, t := range due {
			if t.Group != "" {
				added[t] = p.Do(ctx, "ZADD", t.name, now, t.Channel)
				p.Expire(ctx, t.name, c.config.GroupExpiry)
				members[t] = p.ZRange(ctx, t.name, 0, oldest-1)
			}
		}
		return nil
	})
	if err != nil {
		return err
	}
	forgot := map[*line]error{}
	for t, a := range added {
		if n, err := a.Int64(); err != nil || n != 0 {
			forgot[k.owner(t)] = errors.Join(channel.ErrBroken, errForgot, err)
		}
	}
	if len(forgot) > 0 {
		k.forgot(forgot)
	}
	return c.sweep(ctx, client, members)
}

// sweep removes dead members from groups that are all at one host.
func (c *Core) sweep(ctx context.Context, client *redis.Client, members map[*topic]*redis.StringSliceCmd) error {
	lives := map[string]*redis.IntCmd{}
	_, err := client.Pipelined(ctx, func(p redis.Pipeliner) error {
		for _, found := range members {
			for _, name := range found.Val() {
				if key := c.aliveOf(name); key != "" && key != c.aliveKey(c.process) && lives[key] == nil {
					lives[key] = p.Exists(ctx, key)
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
			if l := lives[c.aliveOf(name)]; l != nil && l.Val() == 0 {
				dead = append(dead, name)
			}
		}
		c.bury(ctx, t.Group, dead)
	}
	return nil
}
