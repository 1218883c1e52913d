// Package redis is the channel layer over Redis, in the wire format of
// channels_redis: Django processes and any number of edges are members of the
// same groups. [NewCore] is compatible with RedisChannelLayer, [NewPubSub] with
// RedisPubSubChannelLayer. All processes that share a Redis must use the same
// layer with the same settings. README.md, beside this file, describes the
// format.
//
//	layer, err := redis.NewCore(redis.Config{Hosts: []string{"redis://127.0.0.1:6379/0"}})
//
// NewCore needs Redis 6 or later, for CLIENT TRACKING. A user with restricted
// permissions needs CLIENT ID, CLIENT TRACKING, SUBSCRIBE and the channel
// __redis__:invalidate for that.
//
// A tenant's group chat is <schema>.chat on the wire. A Django process sends to it
// by that name:
//
//	await channel_layer.group_send(f"{connection.schema_name}.chat", {"type": "chat.message"})
package redis

import (
	"cmp"
	"crypto/tls"
	"fmt"
	"runtime"
	"time"

	"github.com/redis/go-redis/v9"
	"github.com/redis/go-redis/v9/maintnotifications"

	"github.com/tenantedge/tenantedge/edge/channel"
)

// Config is the configuration of a layer. The names in brackets are the settings
// of channels_redis; the defaults are the same.
type Config struct {
	channel.Config

	// Hosts are URLs: redis://[user:password@]host:port/db, rediss:// for TLS,
	// or unix:///path?db=0, with the options of redis-py: those with the prefix
	// ssl_ configure TLS, those that tune its connections are ignored. Names are
	// distributed over the hosts as in channels_redis, so all processes must list
	// the hosts in the same order. [hosts]
	Hosts []string
	// TLS configures connections to rediss:// hosts. The server name is the
	// URL's, and options of the URL override it. nil: the system's certificate
	// authorities.
	TLS *tls.Config
	// Prefix is the prefix of every key. Empty: "asgi". [prefix]
	Prefix string
	// Expiry is how long a message waits for a process to read it, in whole
	// seconds. 0: a minute. Core layer only. [expiry]
	Expiry time.Duration
	// GroupExpiry is how long a membership lasts unless it is renewed, in whole
	// seconds. 0: a day. An edge renews its memberships while it runs, and those of
	// an edge that was killed are removed after 30 seconds; a Django process does
	// not renew its memberships. Core layer only. [group_expiry]
	GroupExpiry time.Duration
	// Capacity is how many messages may wait for a process, for each tenant. 0:
	// 100. Core layer only. [capacity]
	Capacity int
	// Keys encrypt messages: the first one encrypts, all are tried for
	// decryption. Empty: no encryption. [symmetric_encryption_keys]
	Keys []string
	// JSON encodes messages as JSON instead of MessagePack; then binary values
	// cannot be sent. channels_redis 4.2.1 and later. [serializer_format]
	JSON bool
	// RandomPrefix is the number of random bytes before a message, which make
	// equal messages different members of a queue: 8 to 255. 0: 12. channels_redis
	// 4.2.1 and later. Core layer only. [random_prefix_length]
	RandomPrefix int
}

// SetDefaults sets the zero fields that have a default to it.
func (c *Config) SetDefaults() {
	c.Prefix = cmp.Or(c.Prefix, "asgi")
	c.Expiry = cmp.Or(c.Expiry, time.Minute)
	c.GroupExpiry = cmp.Or(c.GroupExpiry, 24*time.Hour)
	c.Capacity = cmp.Or(c.Capacity, 100)
	c.RandomPrefix = cmp.Or(c.RandomPrefix, 12)
}

func (c Config) complete() (Config, error) {
	if len(c.Hosts) == 0 {
		return c, fmt.Errorf("channel/redis: no hosts: expected at least one URL, such as redis://127.0.0.1:6379/0")
	}
	c.SetDefaults()
	for _, d := range []struct {
		name  string
		value time.Duration
	}{{"Expiry", c.Expiry}, {"GroupExpiry", c.GroupExpiry}} {
		if d.value < time.Second || d.value%time.Second != 0 {
			return c, fmt.Errorf("channel/redis: %s is %v: expected whole seconds, at least one", d.name, d.value)
		}
	}
	if c.Capacity < 1 || c.RandomPrefix < 8 || c.RandomPrefix > 255 {
		return c, fmt.Errorf("channel/redis: Capacity is %d and RandomPrefix %d: expected at least 1, and 8 to 255", c.Capacity, c.RandomPrefix)
	}
	return c, nil
}

const (
	dialTimeout = 3 * time.Second
	// answerTimeout is how long Redis may take to reply before the connection is
	// considered dead.
	answerTimeout = 5 * time.Second
	// beatTime is the interval between two checks that Redis answers.
	beatTime = 5 * time.Second
	// maxSenders bounds the connections to each host that messages are sent over,
	// with ten for each processor at most; idleSenders of them stay open.
	maxSenders, idleSenders = 64, 4
)

// options returns the options of each host's client. Errors do not contain the
// URL, which may have a password in it.
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
		// A command whose connection broke may have been executed: its sender gets
		// the error and decides.
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

// withPoolSize returns options for a client with at most n connections.
func withPoolSize(o *redis.Options, n int) *redis.Options {
	limited := *o
	limited.PoolSize, limited.MinIdleConns = n, 0
	return &limited
}
