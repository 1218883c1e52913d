package channel

import (
	"context"
	"fmt"
	"sync"
	"testing"
)

// slowWire is an uplink that knows of nothing until the test says so.
type slowWire struct {
	waiting chan Topic
	known   chan struct{}

	mu   sync.Mutex
	uses map[Topic]int
}

func (w *slowWire) Attach(t Topic) func(context.Context) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.uses[t]++
	if t.Group == "" {
		return nil
	}
	return func(ctx context.Context) error {
		w.waiting <- t
		select {
		case <-w.known:
			return nil
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

func (w *slowWire) Detach(t Topic) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.uses[t]--; w.uses[t] == 0 {
		delete(w.uses, t)
	}
}

// Whoever adds a channel that is being added waits as the first one does: once
// Add has returned, messages come.
func TestAddingAgainWaitsForTheWireToo(t *testing.T) {
	wire := &slowWire{waiting: make(chan Topic), known: make(chan struct{}), uses: map[Topic]int{}}
	config, err := Config{}.Complete()
	if err != nil {
		t.Fatal(err)
	}
	l, err := NewLocal("acme", Process{}, config, wire)
	if err != nil {
		t.Fatal(err)
	}
	ch, err := l.Open(t.Context(), &heard{})
	if err != nil {
		t.Fatal(err)
	}
	added := make(chan error)
	for range 3 {
		go func() { added <- l.Add(t.Context(), "chat", ch) }()
		select {
		case <-wire.waiting:
		case err := <-added:
			t.Fatalf("Add returned %v before the wire knew of the group", err)
		}
	}
	impatient, leave := context.WithCancel(t.Context())
	go func() { added <- l.Add(impatient, "chat", ch) }()
	<-wire.waiting
	leave()
	if err := <-added; err == nil {
		t.Error("who did not wait is told that messages come")
	}
	close(wire.known)
	for range 3 {
		if err := <-added; err != nil {
			t.Errorf("Add: %v", err)
		}
	}
	if s := l.Stats(); s.Memberships != 1 {
		t.Errorf("%d memberships, expected 1", s.Memberships)
	}
	ch.Close()
	if len(wire.uses) != 0 {
		t.Errorf("the wire is asked for %v, of which nothing is left", wire.uses)
	}
}

// BenchmarkManyGroups measures a channel that enters 10,000 groups, together
// with another one, and leaves them.
func BenchmarkManyGroups(b *testing.B) {
	m, err := NewMemory(Config{})
	if err != nil {
		b.Fatal(err)
	}
	s, err := m.For("acme")
	if err != nil {
		b.Fatal(err)
	}
	names := make([]string, 10_000)
	for i := range names {
		names[i] = fmt.Sprint("group", i)
	}
	for b.Loop() {
		for range 2 {
			ch, err := s.Open(b.Context(), &heard{})
			if err != nil {
				b.Fatal(err)
			}
			for _, name := range names {
				if err := s.Add(b.Context(), name, ch); err != nil {
					b.Fatal(err)
				}
			}
		}
		for _, ch := range m.scopes.live()[0].channels.all() {
			ch.Close()
		}
	}
}
