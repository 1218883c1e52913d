package redis

import (
	"context"
	"slices"
	"strings"

	"github.com/redis/go-redis/v9"

	"github.com/tenantedge/tenantedge/edge/channel/internal/message"
)

// recipient is a process that gets a group message.
type recipient struct {
	key      string // of the process's queue
	aliveKey string // the key that shows that the process is alive; empty for a process of Django
	channels []string
}

// groupByHost groups the members of a group by host and process. Within a host,
// processes with an aliveKey come first, as postScript needs them.
func (c *Core) groupByHost(members []string) [][]recipient {
	all := make([][]recipient, len(c.clients))
	at := make(map[string]int, len(members))
	for _, name := range members {
		key, host := c.queueKey(name)
		i, found := at[key]
		if !found {
			i = len(all[host])
			at[key] = i
			all[host] = append(all[host], recipient{key: key, aliveKey: c.aliveKeyOf(name)})
		}
		all[host][i].channels = append(all[host][i].channels, name)
	}
	for _, recipients := range all {
		slices.SortStableFunc(recipients, func(a, b recipient) int { return strings.Compare(b.aliveKey, a.aliveKey) })
	}
	return all
}

// postScript adds one message to each queue that has room and whose process is
// alive. KEYS are the n queues, then the keys that show that the processes of the
// first queues are alive. ARGV are the n messages, the n capacities, the score
// and the expiry in seconds. It returns how many queues had no room, and the
// indices of the queues whose processes are dead.
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

// postToHost adds m to the queues of one host. It returns how many of them had no
// room, and the channels of dead processes.
func (c *Core) postToHost(ctx context.Context, host int, recipients []recipient, m *message.Entries) (over int64, dead []string, err error) {
	keys := make([]string, len(recipients), 2*len(recipients))
	args := make([]any, 2*len(recipients), 2*len(recipients)+2)
	for i, r := range recipients {
		keys[i] = r.key
		if args[i], err = c.codec.encode(m, false, r.channels...); err != nil {
			return 0, nil, err
		}
		args[len(recipients)+i] = c.config.Capacity
		if r.aliveKey != "" {
			keys = append(keys, r.aliveKey)
		}
	}
	args = append(args, formatTime(c.clock.next()), seconds(c.config.Expiry))
	var result *redis.Cmd
	old := c.cutoff(c.config.Expiry)
	_, err = c.clients[host].Pipelined(ctx, func(p redis.Pipeliner) error {
		p.Do(ctx, "MULTI")
		for _, key := range keys[:len(recipients)] {
			p.Do(ctx, "ZREMRANGEBYSCORE", key, "0", old) // the reply is QUEUED
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
		dead = append(dead, recipients[i-1].channels...)
	}
	return counts[0], dead, nil
}
