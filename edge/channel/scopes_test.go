package channel

import (
	"context"
	"fmt"
	"runtime"
	"sync"
	"testing"
)

// heard is a receiver that counts.
type heard struct{ n int }

func (h *heard) Receive(*Message) bool { h.n++; return true }
func (*heard) Interrupted(error)       {}

func memory(t *testing.T) *Memory {
	t.Helper()
	m, err := NewMemory(Config{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = m.Close() }) // always nil
	return m
}

func scope(t *testing.T, m *Memory, schema string) Scope {
	t.Helper()
	s, err := m.For(schema)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func greet(t *testing.T, s Scope) {
	t.Helper()
	m, err := NewMessage("hello")
	if err == nil {
		err = s.GroupSend(t.Context(), "chat", m)
	}
	if err != nil {
		t.Error(err)
	}
}

func enter(t *testing.T, s Scope, r Receiver) *Channel {
	t.Helper()
	ch, err := s.Open(t.Context(), r)
	if err == nil {
		err = s.Add(t.Context(), "chat", ch)
	}
	if err != nil {
		t.Fatal(err)
	}
	return ch
}

func heap() uint64 {
	runtime.GC()
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.HeapAlloc
}

func TestALayerForgetsTenantsThatNobodyHolds(t *testing.T) {
	m := memory(t)
	held, listener := scope(t, m, "held"), &heard{}
	func() { enter(t, scope(t, m, "listens"), listener) }() // nobody else knows the channel
	const tenants = 20_000
	before := heap()
	for i := range tenants {
		s := scope(t, m, fmt.Sprint("tenant", i))
		ch := enter(t, s, &heard{})
		greet(t, s)
		ch.Close()
	}
	heap()
	if s := m.Stats(); s.Sent != tenants || s.Delivered != tenants || s.Channels != 1 || s.Memberships != 1 {
		t.Errorf("counted %+v: what tenants did that are forgotten still counts", s)
	}
	if n := len(m.scopes.all); n != 2 {
		t.Errorf("%d tenants are kept, expected 2", n)
	}
	if after := heap(); after > before+tenants*50 {
		t.Errorf("%d bytes are left of %d tenants", after-before, tenants)
	}
	if scope(t, m, "held") != held {
		t.Error("a scope that is held came twice")
	}
	greet(t, scope(t, m, "listens"))
	if listener.n != 1 {
		t.Errorf("a channel that nobody holds heard %d messages, expected 1", listener.n)
	}
	runtime.KeepAlive(m)
}

// Without a scrape of the figures, tenants are forgotten as others come.
func TestALayerForgetsTenantsAsOthersCome(t *testing.T) {
	m := memory(t)
	for round := range 10 {
		for i := range 10 * sweepFirst {
			scope(t, m, fmt.Sprint("tenant", round, "-", i))
		}
		heap()
	}
	if n := len(m.scopes.all); n > 45*sweepFirst {
		t.Errorf("%d tenants are kept", n)
	}
}

// Whoever asks for a tenant at the same time gets the same scope, also while
// those of before are being collected.
func TestATenantHasOneScopeAtATime(t *testing.T) {
	m := memory(t)
	for round := range 50 {
		var all sync.WaitGroup
		listeners := make([]*heard, 4)
		for i := range listeners {
			listeners[i] = &heard{}
		}
		channels := make([]*Channel, len(listeners))
		for i, l := range listeners {
			all.Go(func() {
				s, err := m.For("acme")
				if err == nil {
					if channels[i], err = s.Open(context.Background(), l); err == nil {
						err = s.Add(context.Background(), "chat", channels[i])
					}
				}
				if err != nil {
					t.Error(err)
				}
				if i == round%len(listeners) {
					runtime.GC()
				}
			})
		}
		all.Wait()
		greet(t, scope(t, m, "acme"))
		for i, l := range listeners {
			if l.n != 1 {
				t.Fatalf("round %d: member %d heard %d messages, expected 1", round, i, l.n)
			}
			channels[i].Close()
		}
		if round%3 == 0 {
			runtime.GC()
		}
	}
}
