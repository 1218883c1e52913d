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
	"github.com/tenantedge/tenantedge/edge/channel/internal/message"
	"github.com/tenantedge/tenantedge/edge/channel/internal/wire"
)

// hosts is the part that both layers have in common: the clients for sending, and
// what sessions need to connect.
type hosts struct {
	config  Config
	process wire.Process
	codec   codec
	options []*redis.Options
	clients []*redis.Client // for sending
	beat    time.Duration   // how often an idle connection is checked
	answer  time.Duration   // how long the reply may take before the connection counts as dead
	outages []*outage
	close   func() error
}

func newHosts(config Config, codec codec) (hosts, error) {
	options, err := config.options()
	if err != nil {
		return hosts{}, err
	}
	h := hosts{config: config, process: wire.NewProcess(), codec: codec, options: options, beat: beatTime, answer: answerTimeout}
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

// Ping checks that every host answers. Its error joins those of the hosts that do
// not.
func (h *hosts) Ping(ctx context.Context) error {
	var all []error
	for i, c := range h.clients {
		if err := c.Ping(ctx).Err(); err != nil {
			all = append(all, fmt.Errorf("channel/redis: host %d: %w", i+1, err))
		}
	}
	return errors.Join(all...)
}

// ofDjango reports whether a name on the wire has the form of those that
// channels_redis gives to its own channels: prefix, "specific." and 32
// hexadecimal digits. A tenant's name has that form if its schema imitates it.
func ofDjango(name, prefix string) bool {
	const uuid = 32 // hexadecimal digits
	rest, found := strings.CutPrefix(name, prefix+"specific.")
	if !found || len(rest) < uuid {
		return false
	}
	_, err := hex.DecodeString(rest[:uuid])
	return err == nil
}

// arrived counts and decodes a message that arrived for a tenant. It reports
// false, and counts why, if the message cannot be delivered.
func (h *hosts) arrived(t wire.Tenant, data []byte) (m message.Entries, to []string, ok bool) {
	counters := t.Counters()
	counters.Received.Add(1)
	m, to, err := h.codec.decode(data)
	switch {
	case err != nil:
		counters.CountDropped(&counters.Malformed, 1)
	case m.Len() > t.MaxMessage():
		counters.CountDropped(&counters.TooLarge, 1)
	default:
		return m, to, true
	}
	return m, nil, false
}

// broken wraps an error of Redis, or of the connection to it, in
// channel.ErrBroken. It returns a cancellation as it is.
func broken(err error) error {
	if err == nil || errors.Is(err, context.Canceled) {
		return err
	}
	return fmt.Errorf("%w: %w", channel.ErrBroken, err)
}
