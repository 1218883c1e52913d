package redis

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/tenantedge/tenantedge/edge/channel/internal/wire"
)

// invalidations is the channel on which Redis publishes the tracked keys that
// have changed.
const invalidations = "__redis__:invalidate"

// name implements protocol: every host has a queue for the tenant, one host has
// the group.
func (c *Core) name(t wire.Topic, host int) (string, bool) {
	if t.Group == "" {
		key, _ := c.queueKey(t.Channel)
		return key, true
	}
	return c.groupKey(t.Group), shard(t.Group, len(c.clients)) == host
}

// coreSession is a connected session of a Core. It has three connections for all
// tenants: one receives invalidations, one reads queues, and one writes the
// process's memberships. It ends when the first of them fails.
type coreSession struct {
	core     *Core
	link     *link
	client   *redis.Client // one connection for reader, one for commands
	listener *redis.Client
	sub      *subscriber // on listener
	reader   *reader
	beats    int // within a quarter of GroupExpiry
}

// session implements protocol.
func (c *Core) session(ctx context.Context, k *link) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	s, err := c.connect(ctx, k)
	if err != nil {
		return errors.Join(err, s.close())
	}
	k.restart(false)
	return s.run(ctx, cancel)
}

// connect makes the connections of a session. The caller closes the session also
// after an error.
func (c *Core) connect(ctx context.Context, k *link) (*coreSession, error) {
	var id int64 // of listener's connection
	options := withPoolSize(c.options[k.host], 2)
	listening := *options
	listening.OnConnect = func(ctx context.Context, conn *redis.Conn) (err error) {
		id, err = conn.ClientID(ctx).Result()
		return err
	}
	s := &coreSession{core: c, link: k, client: redis.NewClient(options), listener: redis.NewClient(&listening)}
	s.sub = newSubscriber(ctx, s.listener, c.answer, invalidations)
	if err := s.sub.pubsub.Ping(ctx, "0"); err != nil {
		return s, err
	}
	s.reader = &reader{conn: s.client.Conn(), beat: c.beat, deliver: c.deliver, wake: make(chan struct{}, 1), queues: map[string]*queue{}}
	if err := track(ctx, s.reader.conn, id); err != nil {
		return s, err
	}
	return s, c.setAlive(ctx, s.client)
}

func (s *coreSession) close() error {
	return errors.Join(s.sub.pubsub.Close(), s.listener.Close(), s.client.Close())
}

// track has Redis notify the connection with an id of changes to the keys that
// conn has read, except those that conn makes itself.
func track(ctx context.Context, conn *redis.Conn, id int64) error {
	if err := conn.Do(ctx, "CLIENT", "TRACKING", "ON", "REDIRECT", id, "NOLOOP").Err(); err != nil {
		return fmt.Errorf("expected CLIENT TRACKING, which needs Redis 6 or later and the user's permission: %w", err)
	}
	return nil
}

// run runs a session until it fails or is idle.
func (s *coreSession) run(ctx context.Context, cancel context.CancelFunc) error {
	quarter := s.core.config.GroupExpiry / 4
	interval := min(s.core.beat, quarter)
	s.beats = int(quarter / interval)
	ticker := time.NewTicker(interval)
	defer ticker.Stop()
	ended := make(chan error, 3)
	go func() {
		ended <- s.sub.read(ctx, func(m *redis.Message) { s.reader.changed(m.PayloadSlice) })
	}()
	go func() { ended <- s.reader.run(ctx) }()
	go func() { ended <- s.link.sync(ctx, ticker.C, s) }()
	err := <-ended
	if errors.Is(err, errIdle) {
		_ = s.core.removeAlive(ctx, s.client) // after an error the key expires
	}
	cancel()
	closed := s.close() // wakes the goroutines that wait for Redis
	<-ended
	<-ended
	if errors.Is(err, errIdle) {
		return errIdle
	}
	return errors.Join(err, closed)
}

// beat implements syncer.
func (s *coreSession) beat(ctx context.Context) error {
	if err := errors.Join(s.sub.fence(ctx), s.core.renewAlive(ctx, s.client)); err != nil {
		return err
	}
	return s.core.renew(ctx, s.client, s.link, s.link.dueForRenewal(s.beats))
}

// apply implements syncer.
func (s *coreSession) apply(ctx context.Context, batch []*topic) error {
	for _, t := range batch {
		switch {
		case t.Group != "":
		case t.wanted:
			s.reader.add(t.name, s.link.owner(t).tenant)
		default:
			s.reader.remove(t.name)
		}
	}
	return s.core.join(ctx, s.client, batch)
}

// deliver delivers a message from a tenant's queue.
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
	if to == nil { // messages in a process's queue are addressed
		counters.CountDropped(&counters.Malformed, 1)
		return
	}
	t.Deliver(m, to...)
}

var (
	_ protocol = (*Core)(nil)
	_ syncer   = (*coreSession)(nil)
)
