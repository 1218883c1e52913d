//go:build unix

package redis

import (
	"testing"

	"github.com/tenantedge/tenantedge/edge/channel"
	"github.com/tenantedge/tenantedge/edge/channel/channeltest"
	"github.com/tenantedge/tenantedge/edge/channel/redistest"
)

// kinds are the layers of this package.
var kinds = []struct {
	name string
	make func(Config) (channel.Layer, error)
}{
	{"core", func(c Config) (channel.Layer, error) { return NewCore(c) }},
	{"pubsub", func(c Config) (channel.Layer, error) { return NewPubSub(c) }},
}

// open makes a layer and closes it after the test.
func open(t testing.TB, make func(Config) (channel.Layer, error), c Config) channel.Layer {
	t.Helper()
	layer, err := make(c)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := layer.Close(); err != nil {
			t.Error(err)
		}
	})
	return layer
}

func TestSuite(t *testing.T) {
	two := redistest.StartTwo(t)
	for _, kind := range kinds {
		for _, setting := range []struct {
			name   string
			config Config
		}{
			{"one host", Config{Hosts: []string{two[0].URL()}}},
			{"two hosts", Config{Hosts: []string{two[0].URL(), two[1].URL()}}},
			{"encrypted", Config{Hosts: []string{two[0].URL()}, Keys: []string{"new", "old"}}},
			{"JSON", Config{Hosts: []string{two[0].URL()}, JSON: true, RandomPrefix: 20}},
		} {
			t.Run(kind.name+", "+setting.name, func(t *testing.T) {
				t.Parallel()
				channeltest.Run(t, func(t *testing.T, common channel.Config) (a, b channel.Layer) {
					c := setting.config
					c.Config, c.Prefix = common, redistest.Prefix()
					return open(t, kind.make, c), open(t, kind.make, c)
				})
			})
		}
	}
}
