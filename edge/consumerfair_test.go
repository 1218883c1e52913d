package edge

import (
	"context"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/tenantedge/tenantedge/edge/channel"
	"github.com/tenantedge/tenantedge/edge/internal/wasm/wasmtest"
)

// blockingLayer blocks sends to the group "blocked" until release is closed.
type blockingLayer struct {
	channel.Layer
	blocked chan struct{}
	release chan struct{}
}

func (l *blockingLayer) For(schema string) (channel.Scope, error) {
	s, err := l.Layer.For(schema)
	return &blockingScope{s, l}, err
}

type blockingScope struct {
	channel.Scope
	layer *blockingLayer
}

func (s *blockingScope) GroupSend(ctx context.Context, group string, m *channel.Message) error {
	if group == "blocked" {
		s.layer.blocked <- struct{}{}
		<-s.layer.release
	}
	return s.Scope.GroupSend(ctx, group, m)
}

// Events that wait for the layer do not delay those of other tenants.
func TestW5ATenantThatWaitsForItsLayerDelaysNoOther(t *testing.T) {
	const maxBlocked = 64 // of package consumer
	const waiting = 2 * maxBlocked
	w := newConsumerWorld(t, wasmtest.Guest(t, "edge/testdata/consumer"), func(c *Config) {
		c.Limits.Instances = 2
		c.Limits.Deadline = time.Minute
	})
	layer := &blockingLayer{w.layer, make(chan struct{}, 3*waiting), make(chan struct{})}
	w.layer = layer
	release := sync.OnceFunc(func() { close(layer.release) })
	t.Cleanup(release) // also if the test fails, before the cleanup that waits for the websockets
	calm := w.visit(t, "other", "add chat")
	var all []*visitor
	for range waiting {
		all = append(all, w.visit(t, "acme", "add chat"))
	}
	starter := w.visit(t, "acme")
	starter.sends(t, "script chat group blocked x", "say begun")
	starter.receives(t, "begun")
	for range maxBlocked {
		<-layer.blocked
	}
	for _, v := range all { // each has a group message to run first
		v.sends(t, "group blocked y", "say done")
	}
	for i := range 20 {
		calm.sends(t, fmt.Sprint("group chat ", i), "timer 1", fmt.Sprint("state ", i))
		calm.receives(t, fmt.Sprint("group chat.message ", i), fmt.Sprint("timer ", i))
	}
	const instances = 2 // running events, which may wait next
	if n := len(layer.blocked); n > instances {
		t.Errorf("%d events of a tenant wait for the layer, expected %d", maxBlocked+n, maxBlocked)
	}
	release()
	for _, v := range all {
		v.receives(t, "done")
	}
}
