//go:build unix

package serve

import (
	"errors"
	"testing"

	client "github.com/redis/go-redis/v9"

	"github.com/tenantedge/tenantedge/edge/channel"
	"github.com/tenantedge/tenantedge/edge/channel/redis"
	"github.com/tenantedge/tenantedge/edge/channel/redistest"
	"github.com/tenantedge/tenantedge/edge/internal/sockets"
	"github.com/tenantedge/tenantedge/edge/websocket"
	"github.com/tenantedge/tenantedge/guest/abi"
)

// A process that shuts down closes its websockets with 1001. Afterwards Redis has
// no group membership, queue or subscription of them.
func TestAShutdownLeavesNoMembershipInRedis(t *testing.T) {
	for name, open := range map[string]func(redis.Config) (channel.Layer, error){
		"core":    func(c redis.Config) (channel.Layer, error) { return redis.NewCore(c) },
		"pub/sub": func(c redis.Config) (channel.Layer, error) { return redis.NewPubSub(c) },
	} {
		t.Run(name, func(t *testing.T) {
			server := redistest.StartOwn(t)
			options, err := client.ParseURL(server.URL())
			if err != nil {
				t.Fatal(err)
			}
			db := client.NewClient(options)
			defer db.Close()
			known := func() (names []string) {
				t.Helper()
				keys, err := db.Keys(t.Context(), "*").Result()
				if err != nil {
					t.Fatal(err)
				}
				subscriptions, err := db.PubSubChannels(t.Context(), "*").Result()
				if err != nil {
					t.Fatal(err)
				}
				return append(keys, subscriptions...)
			}
			layer, err := open(redis.Config{Hosts: []string{server.URL()}})
			if err != nil {
				t.Fatal(err)
			}
			room := "room/"
			w := start(t, func(s *setup) {
				s.edge.GuestConfig.Default.WSURLConf = "ws"
				s.edge.Channels = layer
				s.edge.GuestConfig.WSURLConfs = map[string][]abi.WSRoute{"ws": {{Path: &room, Name: "room"}}}
				s.edge.Websockets = websocket.Config{
					Targets:  map[string]map[string]websocket.Target{"ws": {"room": {Handler: "room"}}},
					Handlers: map[string]websocket.Handler{"room": member{}},
				}
			})
			var all []*sockets.Client
			for range 20 {
				c := w.client("/room/")
				if _, got, err := c.Read(); err != nil || string(got) != "in" {
					t.Fatalf("received %q, %v", got, err)
				}
				all = append(all, c)
			}
			if len(known()) == 0 {
				t.Error("Redis has no group while there are members")
			}
			w.end()
			for _, c := range all {
				var err error
				for err == nil { // messages that others send as they close come first
					_, _, err = c.Read()
				}
				var closed *sockets.CloseError
				if !errors.As(err, &closed) || closed.Code != sockets.CodeGoingAway {
					t.Errorf("a websocket ends with %v, expected 1001", err)
				}
				_ = c.Drop()
			}
			if err := <-w.ended; err != nil {
				t.Errorf("the shutdown ended with %v", err)
			}
			if s := layer.Stats(); s.Channels != 0 || s.Memberships != 0 {
				t.Errorf("%d channels and %d memberships remain", s.Channels, s.Memberships)
			}
			if err := layer.Close(); err != nil {
				t.Error(err)
			}
			if left := known(); len(left) != 0 {
				t.Errorf("leftover keys in Redis: %q", left)
			}
		})
	}
}
