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

// failingLayer is a layer in memory that can break.
type failingLayer struct {
	channel.Layer
	fails     atomic.Pointer[error]
	mu        sync.Mutex
	receivers []channel.Receiver
}

func (l *failingLayer) For(schema string) (channel.Scope, error) {
	s, err := l.Layer.For(schema)
	return &failingScope{s, l}, err
}

func (l *failingLayer) failure() error {
	if err := l.fails.Load(); err != nil {
		return *err
	}
	return nil
}

// interrupt breaks the layer with err, or repairs it with nil.
func (l *failingLayer) interrupt(err error) {
	l.fails.Store(&err)
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, r := range l.receivers {
		r.Interrupted(err)
	}
}

type failingScope struct {
	channel.Scope
	layer *failingLayer
}

func (s *failingScope) Open(ctx context.Context, r channel.Receiver) (*channel.Channel, error) {
	if err := s.layer.failure(); err != nil {
		return nil, err
	}
	s.layer.mu.Lock()
	s.layer.receivers = append(s.layer.receivers, r)
	s.layer.mu.Unlock()
	return s.Scope.Open(ctx, r)
}

func (s *failingScope) GroupSend(ctx context.Context, group string, m *channel.Message) error {
	if err := s.layer.failure(); err != nil {
		return err
	}
	return s.Scope.GroupSend(ctx, group, m)
}

func TestW6ALayerThatBreaksIsNeverSilent(t *testing.T) {
	w := scripted(t)
	layer := &failingLayer{Layer: w.layer}
	w.layer = layer
	in, out := w.visit(t, "acme", "add chat"), w.visit(t, "acme")
	out.sends(t, "say both are there")
	out.receives(t, "both are there")
	layer.interrupt(channel.ErrBroken)
	in.isClosed(t, sockets.CodeRestart, "")
	if _, status := w.connect(t, "acme", "/script?script=add+chat"); status != http.StatusServiceUnavailable {
		t.Errorf("a handshake that needs the layer got status %d, expected 503", status)
	}
	out.sends(t, "say without groups all works")
	out.receives(t, "without groups all works")
	out.sends(t, "say the effects before are sent", "group chat unknown", "say lost")
	out.receives(t, "the effects before are sent")
	out.isClosed(t, sockets.CodeRestart, "")
	layer.interrupt(nil)
	again := w.visit(t, "acme", "add chat")
	again.sends(t, "group chat back")
	again.receives(t, "group chat.message back")
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
	v.sends(t, "add c", "say lost")
	v.isClosed(t, sockets.CodeTryLater, "")
}
