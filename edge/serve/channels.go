package serve

import (
	"fmt"

	"github.com/tenantedge/tenantedge/edge/channel"
	"github.com/tenantedge/tenantedge/edge/channel/redis"
	"github.com/tenantedge/tenantedge/edge/config"
)

// openChannels opens the channel layer of channels.redis. Without that key the
// Host has a layer in memory.
func (p *Parts) openChannels() error {
	if p.file.Channels.Redis == nil {
		return nil
	}
	layer, err := p.openRedis(p.file.Channels.Redis)
	if err != nil {
		return fmt.Errorf("channels.redis: %w", err)
	}
	p.onClose(layer.Close)
	p.Config.Channels = layer
	return nil
}

func (p *Parts) openRedis(c *config.ChannelsRedis) (channel.Layer, error) {
	hosts, err := c.URLs()
	if err != nil {
		return nil, err
	}
	tls, err := c.TLS()
	if err != nil {
		return nil, err
	}
	keys, err := c.Keys()
	if err != nil {
		return nil, err
	}
	r := redis.Config{
		Config: channel.Config{Logger: p.log},
		Hosts:  hosts, TLS: tls, Prefix: c.Prefix, Expiry: c.Expiry, GroupExpiry: c.GroupExpiry, Capacity: c.Capacity,
		Keys: keys, JSON: c.Serializer == "json", RandomPrefix: c.RandomPrefix,
	}
	if c.Layer == "pubsub" {
		return redis.NewPubSub(r)
	}
	return redis.NewCore(r)
}
