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

// dammedLayer blocks sends to the group "dammed" until opened is closed.
type dammedLayer struct {
	channel.Layer
	held   chan struct{}
	opened chan struct{}
}

func (l *dammedLayer) For(schema string) (channel.Scope, error) {
	s, err := l.Layer.For(schema)
	return &dammedScope{s, l}, err
}

type dammedScope struct {
	channel.Scope
	layer *dammedLayer
}

func (s *dammedScope) GroupSend(ctx context.Context, group string, m *channel.Message) error {
	if group == "dammed" {
		s.layer.held <- struct{}{}
		<-s.layer.opened
	}
	return s.Scope.GroupSend(ctx, group, m)
}

// Events that wait for the layer take no turn from others.
func TestW5ATenantThatWaitsForItsLayerKeepsNoOtherWaiting(t *testing.T) {
	const maxAside = 64 // of package consumer
	const waiting = 2 * maxAside
	w := newConsumerWorld(t, wasmtest.Guest(t, "edge/testdata/consumer"), func(c *Config) {
		c.Limits.Instances = 2
		c.Limits.Deadline = time.Minute
	})
	layer := &dammedLayer{w.layer, make(chan struct{}, 3*waiting), make(chan struct{})}
	w.layer = layer
	open := sync.OnceFunc(func() { close(layer.opened) })
	t.Cleanup(open) // also if the test fails, before the cleanup that waits for the websockets
	calm := w.visit(t, "other", "add chat")
	var all []*visitor
	for range waiting {
		all = append(all, w.visit(t, "acme", "add chat"))
	}
	starter := w.visit(t, "acme")
	starter.says(t, "script chat group dammed x", "say begun")
	starter.hears(t, "begun")
	for range maxAside {
		<-layer.held
	}
	for _, v := range all { // each has a group message to run first
		v.says(t, "group dammed y", "say done")
	}
	for i := range 20 {
		calm.says(t, fmt.Sprint("group chat ", i), "timer 1", fmt.Sprint("state ", i))
		calm.hears(t, fmt.Sprint("group chat.message ", i), fmt.Sprint("timer ", i))
	}
	const instances = 2 // running events, which may wait next
	if n := len(layer.held); n > instances {
		t.Errorf("%d events of a tenant wait for the layer, expected %d", maxAside+n, maxAside)
	}
	open()
	for _, v := range all {
		v.hears(t, "done")
	}
}
