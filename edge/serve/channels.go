package serve

import (
	"fmt"
	"slices"
	"sync"

	"github.com/tenantedge/tenantedge/edge/channel"
	"github.com/tenantedge/tenantedge/edge/channel/redis"
	"github.com/tenantedge/tenantedge/edge/config"
	"github.com/tenantedge/tenantedge/edge/websocket"
	"github.com/tenantedge/tenantedge/tenantdb/file"
)

// channelSettings are what a channel layer depends on. Zero: it is in memory.
type channelSettings struct {
	redis config.ChannelsRedis
	hosts []string
	keys  []string
	ca    string // content of ca_file
}

// openChannels opens the channel layer of channels.redis. Without that key the
// Host has a layer in memory.
func (p *Parts) openChannels(before *Parts) error {
	c := p.file.Channels.Redis
	if c == nil {
		return nil
	}
	s := channelSettings{redis: *c}
	var err error
	if s.hosts, err = c.URLs(); err == nil {
		if s.keys, err = c.Keys(); err == nil {
			s.ca, err = authorities(c)
		}
	}
	if err == nil {
		err = p.shareLayer(before, s, func() (channel.Layer, error) { return p.openRedis(s) })
	}
	if err != nil {
		return fmt.Errorf("channels.redis: %w", err)
	}
	return nil
}

// authorities returns the content of ca_file.
func authorities(c *config.ChannelsRedis) (string, error) {
	if c.CAFile == "" {
		return "", nil
	}
	pem, _, err := file.ReadRegular(c.CAFile, 0)
	return string(pem), err
}

// shareLayer shares the layer of before, if it has the same settings, or opens another.
func (p *Parts) shareLayer(before *Parts, s channelSettings, open func() (channel.Layer, error)) (err error) {
	p.layer, err = share(nil, before.layer, s, func() (channel.Layer, func() error, error) {
		l, err := open()
		if err != nil {
			return nil, nil, err
		}
		if p.counts == nil {
			return l, l.Close, nil
		}
		p.counts.channels.add(l)
		return l, func() error { return p.counts.channels.close(l) }, nil
	}, nil)
	if err != nil {
		return err
	}
	p.onClose(p.layer.release)
	p.Config.Channels = p.layer.value
	return nil
}

func (p *Parts) openRedis(s channelSettings) (channel.Layer, error) {
	c := &s.redis
	secure, err := c.TLS()
	if err != nil {
		return nil, err
	}
	r := redis.Config{
		Config: channel.Config{Logger: p.log},
		Hosts:  s.hosts, TLS: secure, Prefix: c.Prefix, Expiry: c.Expiry, GroupExpiry: c.GroupExpiry, Capacity: c.Capacity,
		Keys: s.keys, JSON: c.Serializer == "json", RandomPrefix: c.RandomPrefix,
	}
	if c.Layer == "pubsub" {
		return redis.NewPubSub(r)
	}
	return redis.NewCore(r)
}

// openMemory opens a channel layer in memory, if there are websockets and no other.
// Generations share it, so that a message reaches the websockets of all.
func (p *Parts) openMemory(before *Parts) error {
	if p.layer != nil || len(p.file.WSTargets) == 0 {
		return nil
	}
	return p.shareLayer(before, channelSettings{}, func() (channel.Layer, error) {
		return channel.NewMemory(channel.Config{Logger: p.log})
	})
}

// layers are the channel layers of a Server, whose figures are added up.
type layers struct {
	mu   sync.Mutex
	open []channel.Layer
	past channel.Stats
}

func (l *layers) add(layer channel.Layer) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.open = append(l.open, layer)
}

func (l *layers) close(layer channel.Layer) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.past.Add(layer.Stats())
	l.open = slices.DeleteFunc(l.open, func(other channel.Layer) bool { return other == layer })
	return layer.Close()
}

func (l *layers) stats() channel.Stats {
	l.mu.Lock()
	defer l.mu.Unlock()
	sum := l.past
	for _, layer := range l.open {
		sum.Add(layer.Stats())
	}
	return sum
}

// websocketStats returns the figures of the websockets of g. Those of channel layers,
// which generations share, are the current one's.
func (g *generation) websocketStats() websocket.Stats {
	s := g.host.WebsocketStats()
	if g.parts == nil { // in tests
		return s
	}
	s.Channels = channel.Stats{}
	if !g.superseded.Load() {
		s.Channels = g.channels.stats()
	}
	return s
}
