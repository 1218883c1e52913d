package channel

import (
	"context"
	"fmt"
)

// Memory is the layer of one process: nothing leaves it. Make it with
// [NewMemory].
type Memory struct {
	config Config
	scopes Scopes[*memoryScope]
}

// NewMemory returns a layer in memory.
func NewMemory(config Config) (*Memory, error) {
	config, err := config.Complete()
	if err != nil {
		return nil, err
	}
	return &Memory{config: config}, nil
}

// For implements [Layer].
func (m *Memory) For(schema string) (Scope, error) {
	return m.scopes.For(schema, func() (*memoryScope, error) {
		local, err := NewLocal(schema, Process{}, m.config, nil)
		return &memoryScope{local}, err
	})
}

// Stats implements [Layer].
func (m *Memory) Stats() Stats { return m.scopes.Stats() }

// Close implements [Layer].
func (m *Memory) Close() error {
	for _, s := range m.scopes.Close() {
		s.CloseAll()
	}
	return nil
}

type memoryScope struct{ *Local }

// Send implements [Scope].
func (s *memoryScope) Send(_ context.Context, name string, m *Message) error {
	wire, err := ChannelName(s.schema, name)
	if err != nil {
		return err
	}
	if err := s.check(m); err != nil {
		return err
	}
	if !s.Deliver(wire, m) {
		return fmt.Errorf("%w: %s", ErrFull, name)
	}
	return nil
}

// GroupSend implements [Scope].
func (s *memoryScope) GroupSend(_ context.Context, name string, m *Message) error {
	if _, err := GroupName(s.schema, name); err != nil {
		return err
	}
	if err := s.check(m); err != nil {
		return err
	}
	s.DeliverGroup(name, m)
	return nil
}

func (s *memoryScope) check(m *Message) error {
	if s.Closed() {
		return fmt.Errorf("%w: the layer", ErrClosed)
	}
	if err := m.Check(s.config.MaxMessage); err != nil {
		return err
	}
	s.Counters.Sent(nil)
	s.Counters.Received.Add(1)
	return nil
}

var (
	_ Layer = (*Memory)(nil)
	_ Scope = (*memoryScope)(nil)
)
