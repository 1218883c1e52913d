package redis

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/tenantedge/tenantedge/edge/channel/internal/wire"
)

// invalidated is where Redis says which keys have changed.
const invalidated = "__redis__:invalidate"

// place implements protocol: each host knows of the tenant's queue, and one of
// them of a group.
func (c *Core) place(t wire.Topic, host int) (string, bool) {
	if t.Group == "" {
		key, _ := c.queueKey(t.Channel)
		return key, true
	}
	return c.groupKey(t.Group), shard(t.Group, len(c.clients)) == host
}

// session implements protocol. It has three connections, however many tenants
// there are: one hears which queues have changed, one reads them, and one tells
// the host which groups the process is in. The first to fail ends all.
func (c *Core) session(ctx context.Context, k *link) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	var id int64
	options := only(c.options[k.host], 2)
	listening := *options
	listening.OnConnect = func(ctx context.Context, conn *redis.Conn) (err error) {
		id, err = conn.ClientID(ctx).Result()
		return err
	}
	client, hearing := redis.NewClient(options), redis.NewClient(&listening)
	sub := newSubscriber(ctx, hearing, c.answer, invalidated)
	hangUp := func() error { return errors.Join(sub.pubsub.Close(), hearing.Close(), client.Close()) }
	if err := sub.pubsub.Ping(ctx, "0"); err != nil {
		return errors.Join(err, hangUp())
	}
	read := &reader{conn: client.Conn(), beat: c.beat, deliver: c.deliver, wake: make(chan struct{}, 1), queues: map[string]*queue{}}
	if err := track(ctx, read.conn, id); err != nil {
		return errors.Join(err, hangUp())
	}
	if err := c.appear(ctx, client); err != nil {
		return errors.Join(err, hangUp())
	}
	k.fresh(false)
	return c.converse(ctx, k, client, sub, read, func() error { cancel(); return hangUp() })
}

// track has Redis tell the connection with an id when keys change that conn has
// read, unless conn changes them itself.
func track(ctx context.Context, conn *redis.Conn, id int64) error {
	if err := conn.Do(ctx, "CLIENT", "TRACKING", "ON", "REDIRECT", id, "NOLOOP").Err(); err != nil {
		return fmt.Errorf("CLIENT TRACKING, which is needed (Redis 6 or later, and the permission of the user): %w", err)
	}
	return nil
}

// converse runs a session that is connected, until it fails or is idle.
func (c *Core) converse(ctx context.Context, k *link, client *redis.Client, sub *subscriber, read *reader, hangUp func() error) error {
	pulse := min(c.beat, c.config.GroupExpiry/4)
	beats := int(c.config.GroupExpiry / 4 / pulse)
	ticker := time.NewTicker(pulse)
	defer ticker.Stop()
	beat := func(ctx context.Context) error {
		if err := errors.Join(sub.fence(ctx), c.stay(ctx, client)); err != nil {
			return err
		}
		return c.renew(ctx, client, k, k.due(beats))
	}
	apply := func(ctx context.Context, batch []*topic) error {
		for _, t := range batch {
			switch {
			case t.Group != "":
			case t.wish:
				read.listen(t.name, k.owner(t).tenant)
			default:
				read.ignore(t.name)
			}
		}
		return c.join(ctx, client, batch)
	}
	ended := make(chan error, 3)
	go func() { ended <- sub.read(ctx, func(m *redis.Message) { read.changed(m.PayloadSlice) }) }()
	go func() { ended <- read.run(ctx) }()
	go func() { ended <- k.keep(ctx, ticker.C, beat, apply) }()
	err := <-ended
	if errors.Is(err, errIdle) {
		_ = c.disappear(ctx, client) // or it expires
	}
	closed := hangUp() // a goroutine that waits for Redis is woken by this alone
	<-ended
	<-ended
	if errors.Is(err, errIdle) {
		return errIdle
	}
	return errors.Join(err, closed)
}

func (c *Core) deliver(t wire.Tenant, z redis.Z) {
	counters := t.Counters()
	data, ok := z.Member.(string)
	if !ok {
		counters.CountDropped(&counters.Malformed, 1)
		return
	}
	m, to, ok := c.arrived(t, []byte(data))
	if !ok {
		return
	}
	if to == nil { // a message in a process's queue says for whom it is
		counters.CountDropped(&counters.Malformed, 1)
		return
	}
	t.Deliver(m, to...)
}
