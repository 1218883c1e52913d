package edge

import (
	"context"
	"net/http"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/tenantedge/tenantedge/edge/channel"
	"github.com/tenantedge/tenantedge/edge/internal/sockets"
)

// frailLayer is a layer in memory that can break.
type frailLayer struct {
	channel.Layer
	fails     atomic.Pointer[error]
	mu        sync.Mutex
	receivers []channel.Receiver
}

func (l *frailLayer) For(schema string) (channel.Scope, error) {
	s, err := l.Layer.For(schema)
	return &frailScope{s, l}, err
}

func (l *frailLayer) failure() error {
	if err := l.fails.Load(); err != nil {
		return *err
	}
	return nil
}

// interrupt breaks the layer with err, or repairs it with nil.
func (l *frailLayer) interrupt(err error) {
	l.fails.Store(&err)
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, r := range l.receivers {
		r.Interrupted(err)
	}
}

type frailScope struct {
	channel.Scope
	layer *frailLayer
}

func (s *frailScope) Open(ctx context.Context, r channel.Receiver) (*channel.Channel, error) {
	if err := s.layer.failure(); err != nil {
		return nil, err
	}
	s.layer.mu.Lock()
	s.layer.receivers = append(s.layer.receivers, r)
	s.layer.mu.Unlock()
	return s.Scope.Open(ctx, r)
}

func (s *frailScope) GroupSend(ctx context.Context, group string, m *channel.Message) error {
	if err := s.layer.failure(); err != nil {
		return err
	}
	return s.Scope.GroupSend(ctx, group, m)
}

func TestW6ALayerThatBreaksIsNeverSilent(t *testing.T) {
	w := scripted(t)
	layer := &frailLayer{Layer: w.layer}
	w.layer = layer
	in, out := w.visit(t, "acme", "add chat"), w.visit(t, "acme")
	out.says(t, "say both are there")
	out.hears(t, "both are there")
	layer.interrupt(channel.ErrBroken)
	in.isSentAway(t, sockets.CodeRestart, "")
	if _, status := w.ask(t, "acme", "/script?script=add+chat"); status != http.StatusServiceUnavailable {
		t.Errorf("a handshake that needs the layer got status %d, expected 503", status)
	}
	out.says(t, "say without groups all works")
	out.hears(t, "without groups all works")
	out.says(t, "say the effects before are sent", "group chat unknown", "say lost")
	out.hears(t, "the effects before are sent")
	out.isSentAway(t, sockets.CodeRestart, "")
	layer.interrupt(nil)
	again := w.visit(t, "acme", "add chat")
	again.says(t, "group chat back")
	again.hears(t, "group chat.message back")
	if s := w.host.consumers.Stats(); s.Interrupted != 2 || s.Failures != 0 {
		t.Errorf("counted %+v, expected two interrupted websockets", s)
	}
}

func TestALimitOfTheLayerEndsTheWebsocketThatReachesIt(t *testing.T) {
	w := scripted(t)
	small, err := channel.NewMemory(channel.Config{MaxMemberships: 2})
	if err != nil {
		t.Fatal(err)
	}
	w.layer = small
	v := w.visit(t, "acme", "add a", "add b")
	v.says(t, "add c", "say lost")
	v.isSentAway(t, sockets.CodeTryLater, "")
}
