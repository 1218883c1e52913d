package channel

import (
	"context"
	"fmt"
	"runtime"
	"sync"
	"testing"
)

// receiver counts messages.
type receiver struct{ n int }

func (r *receiver) Receive(*Message) bool { r.n++; return true }
func (*receiver) Interrupted(error)       {}

func memory(t *testing.T) *Memory {
	t.Helper()
	m, err := NewMemory(Config{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = m.Close() }) // always nil
	return m
}

func scopeOf(t *testing.T, m *Memory, schema string) Scope {
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

func join(t *testing.T, s Scope, r Receiver) *Channel {
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

func TestALayerReleasesUnreferencedTenants(t *testing.T) {
	m := memory(t)
	held, listener := scopeOf(t, m, "held"), &receiver{}
	func() { join(t, scopeOf(t, m, "listens"), listener) }() // the only reference to the channel
	const tenants = 20_000
	before := heap()
	for i := range tenants {
		s := scopeOf(t, m, fmt.Sprint("tenant", i))
		ch := join(t, s, &receiver{})
		greet(t, s)
		ch.Close()
	}
	heap()
	if s := m.Stats(); s.Sent != tenants || s.Delivered != tenants || s.Channels != 1 || s.Memberships != 1 {
		t.Errorf("counted %+v: expected the counts of released tenants, too", s)
	}
	if n := len(m.scopes.all); n != 2 {
		t.Errorf("%d tenants remain, expected 2", n)
	}
	if after := heap(); after > before+tenants*50 {
		t.Errorf("%d bytes remain of %d tenants", after-before, tenants)
	}
	if scopeOf(t, m, "held") != held {
		t.Error("a referenced scope was made again")
	}
	greet(t, scopeOf(t, m, "listens"))
	if listener.n != 1 {
		t.Errorf("an unreferenced channel received %d messages, expected 1", listener.n)
	}
	runtime.KeepAlive(m)
}

// Tenants are released when others are added, even if Stats is never called.
func TestALayerReleasesTenantsAsOthersCome(t *testing.T) {
	m := memory(t)
	for round := range 10 {
		for i := range 10 * minSweep {
			scopeOf(t, m, fmt.Sprint("tenant", round, "-", i))
		}
		heap()
	}
	if n := len(m.scopes.all); n > 45*minSweep {
		t.Errorf("%d tenants remain", n)
	}
}

// Concurrent calls of For get the same scope, also while earlier scopes are being
// collected.
func TestATenantHasOneScopeAtATime(t *testing.T) {
	m := memory(t)
	for round := range 50 {
		var all sync.WaitGroup
		listeners := make([]*receiver, 4)
		for i := range listeners {
			listeners[i] = &receiver{}
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
		greet(t, scopeOf(t, m, "acme"))
		for i, l := range listeners {
			if l.n != 1 {
				t.Fatalf("round %d: member %d received %d messages, expected 1", round, i, l.n)
			}
			channels[i].Close()
		}
		if round%3 == 0 {
			runtime.GC()
		}
	}
}
