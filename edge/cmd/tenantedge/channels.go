package main

import (
	"fmt"
	"log/slog"

	"github.com/tenantedge/tenantedge/edge"
	"github.com/tenantedge/tenantedge/edge/channel"
	"github.com/tenantedge/tenantedge/edge/channel/redis"
	"github.com/tenantedge/tenantedge/edge/config"
)

// wireWebsockets adds what serves websockets. eval only asks for their routes.
func (w *wiring) wireWebsockets(f *config.File, handlers map[string]edge.WebsocketHandler, log *slog.Logger) error {
	w.edge.Websockets = f.Edge().Websockets
	w.edge.Websockets.Handlers = handlers
	if f.Channels.Redis == nil {
		return nil
	}
	layer, err := redisLayer(f.Channels.Redis, log)
	if err != nil {
		return fmt.Errorf("channels.redis: %w", err)
	}
	w.closes(layer.Close)
	w.edge.Channels = layer
	return nil
}

func redisLayer(c *config.ChannelsRedis, log *slog.Logger) (channel.Layer, error) {
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
		Config: channel.Config{Logger: log},
		Hosts:  hosts, TLS: tls, Prefix: c.Prefix, Expiry: c.Expiry, GroupExpiry: c.GroupExpiry, Capacity: c.Capacity,
		Keys: keys, JSON: c.Serializer == "json", RandomPrefix: c.RandomPrefix,
	}
	if c.Layer == "pubsub" {
		return redis.NewPubSub(r)
	}
	return redis.NewCore(r)
}
