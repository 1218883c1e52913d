// Package redis is the channel layer over Redis, in the wire format of
// channels_redis: Django processes and any number of edges take part in the
// same groups. [NewCore] speaks as RedisChannelLayer does, [NewPubSub] as
// RedisPubSubChannelLayer; all that share a Redis must use the same one, with
// the same settings.
//
//	layer, err := redis.NewCore(redis.Config{Hosts: []string{"redis://127.0.0.1:6379/0"}})
//
// NewCore needs Redis 6 or later, for CLIENT TRACKING. A user with restricted
// permissions needs CLIENT ID, CLIENT TRACKING, SUBSCRIBE and the channel
// __redis__:invalidate for that.
//
// A tenant's group chat is <schema>.chat on the wire. That is all a Django
// process has to know:
//
//	await channel_layer.group_send(f"{connection.schema_name}.chat", {"type": "chat.message"})
package redis

import (
	"crypto/tls"
	"fmt"
	"runtime"
	"time"

	"github.com/redis/go-redis/v9"
	"github.com/redis/go-redis/v9/maintnotifications"

	"github.com/tenantedge/tenantedge/edge/channel"
)

// Config is how the layer reaches Redis and what it writes there. The names
// in brackets are those of channels_redis, whose defaults these are.
type Config struct {
	channel.Config

	// Hosts are URLs: redis://[user:password@]host:port/db, rediss:// for TLS,
	// or unix:///path?db=0, with the options of redis-py: those that start with
	// ssl_ configure TLS, those that tune its connections are ignored. With more
	// than one host, names are spread over them as channels_redis does, so their
	// order must be the same everywhere. [hosts]
	Hosts []string
	// TLS configures connections to rediss:// hosts, whose names it need not
	// hold; options of a URL come after it. nil: the system's authorities.
	TLS *tls.Config
	// Prefix begins every key; "asgi" if empty. [prefix]
	Prefix string
	// Expiry is how long a message waits for its process to read it; a minute
	// if zero, and whole seconds. Core layer only. [expiry]
	Expiry time.Duration
	// GroupExpiry is how long the membership of a Django process lasts after the
	// process has ended; a day if zero, and whole seconds. Living members are renewed twice
	// within it, and those of edges that are gone are removed after 30 seconds.
	// Core layer only. [group_expiry]
	GroupExpiry time.Duration
	// Capacity is how many messages may wait for a process; 100 if zero. Core
	// layer only. [capacity]
	Capacity int
	// Keys encrypt messages, if there are any: the first one encrypts, all are
	// tried for decryption. [symmetric_encryption_keys]
	Keys []string
	// JSON writes messages as JSON instead of MessagePack; binary values
	// cannot be sent then. channels_redis 4.2.1 and later. [serializer_format]
	JSON bool
	// RandomPrefix is how many random bytes stand before a message so that
	// equal ones differ; 12 if zero. channels_redis 4.2.1 and later. Core
	// layer only. [random_prefix_length]
	RandomPrefix int
}

func (c Config) complete() (Config, error) {
	if len(c.Hosts) == 0 {
		return c, fmt.Errorf("channel/redis: no hosts: expected at least one URL, as redis://127.0.0.1:6379/0")
	}
	if c.Prefix == "" {
		c.Prefix = "asgi"
	}
	for _, d := range []struct {
		name     string
		value    *time.Duration
		standard time.Duration
	}{{"Expiry", &c.Expiry, time.Minute}, {"GroupExpiry", &c.GroupExpiry, 24 * time.Hour}} {
		if *d.value == 0 {
			*d.value = d.standard
		}
		if *d.value < time.Second || *d.value%time.Second != 0 {
			return c, fmt.Errorf("channel/redis: %s is %v: expected whole seconds, at least one", d.name, *d.value)
		}
	}
	if c.Capacity == 0 {
		c.Capacity = 100
	}
	if c.RandomPrefix == 0 {
		c.RandomPrefix = 12
	}
	if c.Capacity < 1 || c.RandomPrefix < 8 || c.RandomPrefix > 255 {
		return c, fmt.Errorf("channel/redis: Capacity is %d and RandomPrefix %d: expected at least 1, and 8 to 255", c.Capacity, c.RandomPrefix)
	}
	return c, nil
}

const (
	dialTimeout = 3 * time.Second
	// answerTimeout is how long Redis may take to answer before the
	// connection counts as dead.
	answerTimeout = 5 * time.Second
	// beatTime is the time between two checks that Redis answers.
	beatTime = 5 * time.Second
	// Messages are sent over this many connections to each host at most, and
	// fewer on machines with few processors, of which so many stay open.
	maxSenders, idleSenders = 64, 4
)

// options returns how to reach each host. Errors never hold the URL, which may
// have a password in it.
func (c Config) options() ([]*redis.Options, error) {
	all := make([]*redis.Options, len(c.Hosts))
	for i, url := range c.Hosts {
		o, err := parseURL(url, c.TLS)
		if err != nil {
			return nil, fmt.Errorf("channel/redis: the URL of host %d: %w", i+1, err)
		}
		o.Protocol = 2
		o.DisableIdentity = true
		o.MaintNotificationsConfig = &maintnotifications.Config{Mode: maintnotifications.ModeDisabled}
		// A command that was cut off may have had its effect: who sent it is
		// told, and decides.
		o.MaxRetries = -1
		o.PoolSize, o.MaxIdleConns = min(10*runtime.GOMAXPROCS(0), maxSenders), idleSenders
		o.DialerRetries = 1
		o.DialTimeout = dialTimeout
		o.ReadTimeout, o.WriteTimeout = answerTimeout, answerTimeout
		o.ContextTimeoutEnabled = true
		all[i] = o
	}
	return all, nil
}

// only returns options for a client of n connections.
func only(o *redis.Options, n int) *redis.Options {
	few := *o
	few.PoolSize, few.MinIdleConns = n, 0
	return &few
}
