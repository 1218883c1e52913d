package channel

import (
	"context"
	"fmt"
	"sync"
	"testing"

	"github.com/tenantedge/tenantedge/edge/channel/internal/wire"
)

// slowWire is a line that confirms no topic until the test closes confirmed.
type slowWire struct {
	wire.Line
	waiting   chan wire.Topic
	confirmed chan struct{}

	mu   sync.Mutex
	uses map[wire.Topic]int
}

func (w *slowWire) Attach(t wire.Topic) func(context.Context) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.uses[t]++
	if t.Group == "" {
		return nil
	}
	return func(ctx context.Context) error {
		w.waiting <- t
		select {
		case <-w.confirmed:
			return nil
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

func (w *slowWire) Detach(t wire.Topic) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.uses[t]--; w.uses[t] == 0 {
		delete(w.uses, t)
	}
}

// A second Add of the same channel waits for the wire like the first one: once
// Add has returned, messages arrive.
func TestAddingAgainWaitsForTheWireToo(t *testing.T) {
	line := &slowWire{waiting: make(chan wire.Topic), confirmed: make(chan struct{}), uses: map[wire.Topic]int{}}
	config, err := Config{}.complete()
	if err != nil {
		t.Fatal(err)
	}
	l, err := newScope("acme", wire.Process{}, config)
	if err != nil {
		t.Fatal(err)
	}
	l.line = line
	ch, err := l.Open(t.Context(), &receiver{})
	if err != nil {
		t.Fatal(err)
	}
	added := make(chan error)
	for range 3 {
		go func() { added <- l.Add(t.Context(), "chat", ch) }()
		select {
		case <-line.waiting:
		case err := <-added:
			t.Fatalf("Add returned %v before the wire confirmed the group", err)
		}
	}
	impatient, leave := context.WithCancel(t.Context())
	go func() { added <- l.Add(impatient, "chat", ch) }()
	<-line.waiting
	leave()
	if err := <-added; err == nil {
		t.Error("Add succeeded although it did not wait for the wire")
	}
	close(line.confirmed)
	for range 3 {
		if err := <-added; err != nil {
			t.Errorf("Add: %v", err)
		}
	}
	if s := l.Stats(); s.Memberships != 1 {
		t.Errorf("%d memberships, expected 1", s.Memberships)
	}
	ch.Close()
	if len(line.uses) != 0 {
		t.Errorf("topics %v are still attached", line.uses)
	}
}

// BenchmarkManyGroups measures two channels that join the same 10,000 groups and
// leave them.
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
			ch, err := s.Open(b.Context(), &receiver{})
			if err != nil {
				b.Fatal(err)
			}
			for _, name := range names {
				if err := s.Add(b.Context(), name, ch); err != nil {
					b.Fatal(err)
				}
			}
		}
		for _, ch := range m.scopes.live()[0].open() {
			ch.Close()
		}
	}
}
