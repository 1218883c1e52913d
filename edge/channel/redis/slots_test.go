//go:build unix

package redis

import (
	"bytes"
	"context"
	"errors"
	"net"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/redis/go-redis/v9"

	"github.com/tenantedge/tenantedge/edge/channel"
	"github.com/tenantedge/tenantedge/edge/channel/channeltest"
	"github.com/tenantedge/tenantedge/edge/channel/redistest"
)

// connBlocker blocks connections that write one tenant's messages.
type connBlocker struct {
	of     []byte
	held   atomic.Int64
	opened chan struct{}
}

func (d *connBlocker) DialHook(next redis.DialHook) redis.DialHook {
	return func(ctx context.Context, network, addr string) (net.Conn, error) {
		conn, err := next(ctx, network, addr)
		return blockedConn{conn, d}, err
	}
}

func (*connBlocker) ProcessHook(next redis.ProcessHook) redis.ProcessHook { return next }
func (*connBlocker) ProcessPipelineHook(next redis.ProcessPipelineHook) redis.ProcessPipelineHook {
	return next
}

type blockedConn struct {
	net.Conn
	connBlocker *connBlocker
}

func (c blockedConn) Write(p []byte) (int, error) {
	if bytes.Contains(p, c.connBlocker.of) {
		c.connBlocker.held.Add(1)
		<-c.connBlocker.opened
	}
	return c.Conn.Write(p)
}

// A tenant whose sends all block uses at most half of the connections.
func TestW5ATenantThatSendsVeryMuchLeavesConnectionsToOthers(t *testing.T) {
	for _, kind := range kinds {
		t.Run(kind.name, func(t *testing.T) {
			layer := open(t, kind.make, Config{Hosts: []string{redistest.Start(t).URL()}, Prefix: redistest.Prefix()})
			var client *redis.Client
			switch l := layer.(type) {
			case *Core:
				client = l.clients[0]
			case *PubSub:
				client = l.clients[0]
			}
			d := &connBlocker{of: []byte("acme."), opened: make(chan struct{})}
			client.AddHook(d)
			acme, bolt := channeltest.Scope(t, layer, "acme"), channeltest.Scope(t, layer, "bolt")
			connections := int64(client.Options().PoolSize)
			var all sync.WaitGroup
			for range 2 * connections {
				all.Go(func() {
					if err := acme.GroupSend(t.Context(), "chat", channeltest.Message(t, "noise")); err != nil {
						t.Error(err)
					}
				})
			}
			eventually(t, "half of the connections to be in use", func() bool { return d.held.Load() >= connections/2 })
			for range 2 * connections {
				channeltest.SendGroup(t, bolt, "chat", "received")
			}
			if n := d.held.Load(); n > connections/2 {
				t.Errorf("a tenant uses %d of %d connections", n, connections)
			}
			tired, leave := context.WithCancel(t.Context())
			leave()
			if err := acme.GroupSend(tired, "chat", channeltest.Message(t, "noise")); !errors.Is(err, context.Canceled) || errors.Is(err, channel.ErrBroken) {
				t.Errorf("a send with a cancelled context returned %v", err)
			}
			close(d.opened)
			all.Wait()
		})
	}
}
