package redis

import (
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"strings"
	"sync"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/tenantedge/tenantedge/edge/channel"
)

// hosts is what both layers are made of.
type hosts struct {
	config  Config
	process channel.Process
	codec   codec
	options []*redis.Options
	clients []*redis.Client // for everything that does not block
	beat    time.Duration   // how often a connection that waits is heard from
	answer  time.Duration   // how long it may then take before it counts as dead
	outages []*outage
	close   func() error
}

func newHosts(config Config, codec codec) (hosts, error) {
	options, err := config.options()
	if err != nil {
		return hosts{}, err
	}
	silence.Do(func() { redis.SetLogger(quiet{}) })
	h := hosts{config: config, process: channel.NewProcess(), codec: codec, options: options, beat: beatTime, answer: answerTimeout}
	for _, o := range options {
		h.clients = append(h.clients, redis.NewClient(o))
		h.outages = append(h.outages, &outage{logger: config.Logger})
	}
	h.close = sync.OnceValue(func() error {
		var all []error
		for _, c := range h.clients {
			all = append(all, c.Close())
		}
		return errors.Join(all...)
	})
	return h, nil
}

// Ping returns why a host does not answer, for each that does not.
func (h *hosts) Ping(ctx context.Context) error {
	var all []error
	for i, c := range h.clients {
		if err := c.Ping(ctx).Err(); err != nil {
			all = append(all, fmt.Errorf("channel/redis: host %d: %w", i+1, err))
		}
	}
	return errors.Join(all...)
}

// quiet takes the place of the library's log, which writes each failed attempt
// to the standard error, though receivers and counters are told already.
type quiet struct{}

func (quiet) Printf(context.Context, string, ...any) {}

// silence keeps the library's logger from being set while it is in use.
var silence sync.Once

// check reports whether a scope may send m.
func (h *hosts) check(local *channel.Local, m *channel.Message) error {
	if local.Closed() {
		return fmt.Errorf("%w: the layer", channel.ErrClosed)
	}
	return m.Check(h.config.MaxMessage)
}

// ofDjango reports whether a name on the wire is one that channels_redis gives to
// its own channels, with what the layer puts before it: a tenant's name can
// look like it if its schema does.
func ofDjango(name, before string) bool {
	const uuid = 32 // hexadecimal digits
	rest, found := strings.CutPrefix(name, before+"specific.")
	if !found || len(rest) < uuid {
		return false
	}
	_, err := hex.DecodeString(rest[:uuid])
	return err == nil
}

// arrived decodes what came for a tenant and counts it; nil if it is no good.
func (h *hosts) arrived(local *channel.Local, data []byte) (*channel.Message, []string) {
	local.Counters.Received.Add(1)
	m, to, err := h.codec.decode(data)
	if err != nil {
		local.Counters.Dropped(&local.Counters.Malformed, 1)
		return nil, nil
	}
	if m.Len() > h.config.MaxMessage {
		local.Counters.Dropped(&local.Counters.TooLarge, 1)
		return nil, nil
	}
	return m, to
}

// sent counts what became of a message and returns its error. A full channel,
// and a caller that stopped waiting, say nothing about Redis.
func sent(c *channel.Counters, err error) error {
	if err == nil || errors.Is(err, channel.ErrBroken) {
		c.Sent(err)
	}
	return err
}

// broken makes an error of Redis, or of the way to it, one of the layer.
func broken(err error) error {
	if err == nil || errors.Is(err, context.Canceled) {
		return err
	}
	return fmt.Errorf("%w: %w", channel.ErrBroken, err)
}
