package channel

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"

	"github.com/tenantedge/tenantedge/edge/channel/internal/wire"
)

// scope is a tenant's scope: its open channels in this process and their
// memberships. Without a line it has no other processes.
//
// On the wire a group has one member for each process, however many channels of
// the process are in it: the relay channel, from which the scope fans out.
type scope struct {
	schema   string
	process  wire.Process
	prefix   string // of the names of this process's channels, on the wire
	config   Config
	counters *wire.Counters
	line     wire.Line // nil: one process
	ref      *scopeRef // nil: the scope is in no layer

	mu          sync.RWMutex
	channels    registry
	groups      map[string]*group // by logical name
	relays      map[wire.Token]*group
	memberships int
	closed      bool
}

// group is a group that has members in this process.
type group struct {
	name    string
	relay   wire.Token
	members []*Channel
	shared  bool // a sender may iterate over members: copy before a change
}

// own makes members safe to change.
func (g *group) own() {
	if g.shared {
		g.members, g.shared = append(make([]*Channel, 0, len(g.members)+1), g.members...), false
	}
}

// newScope returns a scope. The config must be complete. For a zero process the
// scope makes a name.
func newScope(schema string, process wire.Process, config Config) (*scope, error) {
	if err := checkSchema(schema); err != nil {
		return nil, err
	}
	if process == (wire.Process{}) {
		process = wire.NewProcess()
	}
	return &scope{
		schema: schema, process: process, prefix: schema + "." + process.String() + wire.ProcessEnd, config: config,
		counters: wire.NewCounters(schema, config.Logger), groups: map[string]*group{}, relays: map[wire.Token]*group{},
	}, nil
}

// pin keeps the scope in memory while it has open channels. The caller holds
// the lock.
func (s *scope) pin() {
	if s.ref == nil {
		return
	}
	if s.channels.open > 0 {
		s.ref.pinned.Store(s)
	} else {
		s.ref.pinned.Store(nil)
	}
}

// Schema implements [Scope].
func (s *scope) Schema() string { return s.schema }

// MaxMessage implements [wire.Tenant].
func (s *scope) MaxMessage() int { return s.config.MaxMessage }

// Counters implements [wire.Tenant].
func (s *scope) Counters() *wire.Counters { return s.counters }

// Stats implements [Scope].
func (s *scope) Stats() Stats {
	stats := statsOf(s.counters)
	s.mu.RLock()
	stats.Channels, stats.Memberships = int64(s.channels.open), int64(s.memberships)
	s.mu.RUnlock()
	return stats
}

// LargestGroups implements [Scope].
func (s *scope) LargestGroups(n int) []GroupSize {
	bySize := func(a, b GroupSize) int { return cmp.Or(b.Members-a.Members, strings.Compare(a.Name, b.Name)) }
	var largest []GroupSize
	s.mu.RLock()
	defer s.mu.RUnlock()
	for name, g := range s.groups {
		size := GroupSize{name, len(g.members)}
		if i, _ := slices.BinarySearchFunc(largest, size, bySize); i < n {
			largest = slices.Insert(largest, i, size)
			largest = largest[:min(n, len(largest))]
		}
	}
	return largest
}

// Open implements [Scope].
func (s *scope) Open(ctx context.Context, r Receiver) (*Channel, error) {
	ch := &Channel{scope: s, receiver: r}
	s.mu.Lock()
	err := s.closedError()
	if err == nil && s.channels.open >= s.config.MaxChannels {
		err = fmt.Errorf("%w: %d open channels of %s", ErrLimit, s.channels.open, s.schema)
	}
	if err != nil {
		s.mu.Unlock()
		return nil, err
	}
	s.channels.add(ch)
	s.pin()
	wait := s.attach(ch.topic())
	s.mu.Unlock()
	if wait != nil {
		if err := wait(ctx); err != nil {
			ch.Close()
			return nil, err
		}
	}
	return ch, nil
}

// Add implements [Scope].
func (s *scope) Add(ctx context.Context, name string, ch *Channel) error {
	if _, err := GroupName(s.schema, name); err != nil {
		return err
	}
	s.mu.Lock()
	wait, again, err := s.join(name, ch)
	s.mu.Unlock()
	if err != nil || wait == nil {
		return err
	}
	err = wait(ctx)
	switch {
	case again != nil:
		s.mu.Lock()
		s.detach(*again)
		s.mu.Unlock()
	case err != nil:
		s.Discard(name, ch)
	}
	return err
}

// join makes ch a member. If ch is a member already, another call may still be
// waiting for the wire: then this one waits too, and detaches again afterwards.
func (s *scope) join(name string, ch *Channel) (wait func(context.Context) error, again *wire.Topic, err error) {
	if err := s.closedError(); err != nil {
		return nil, nil, err
	}
	if ch.scope != s || ch.closed.Load() {
		return nil, nil, fmt.Errorf("%w: not an open channel of %s", ErrClosed, s.schema)
	}
	g := s.groups[name]
	if g != nil && ch.memberships.in(g) >= 0 {
		t := s.topic(g)
		if wait = s.attach(t); wait == nil {
			s.detach(t)
		}
		return wait, &t, nil
	}
	if s.memberships >= s.config.MaxMemberships {
		return nil, nil, fmt.Errorf("%w: %d memberships of %s", ErrLimit, s.memberships, s.schema)
	}
	if g == nil {
		g = &group{name: strings.Clone(name), relay: s.process.RelayToken(name)}
		s.groups[g.name], s.relays[g.relay] = g, g
	}
	g.own()
	ch.memberships.add(membership{g, len(g.members)})
	g.members = append(g.members, ch)
	s.memberships++
	return s.attach(s.topic(g)), nil, nil
}

// Discard implements [Scope].
func (s *scope) Discard(name string, ch *Channel) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if g := s.groups[name]; g != nil && ch.scope == s {
		if i := ch.memberships.in(g); i >= 0 {
			s.leave(ch, i)
		}
	}
}

// leave ends the i-th membership of ch. The last member of the group moves to
// the index that becomes free.
func (s *scope) leave(ch *Channel, i int) {
	m := *ch.memberships.at(i)
	g := m.group
	g.own()
	last := len(g.members) - 1
	moved := g.members[last]
	moved.memberships.at(moved.memberships.in(g)).index = m.index
	g.members[m.index], g.members[last] = moved, nil
	g.members = g.members[:last]

	ch.memberships.remove(i)
	s.memberships--
	if last == 0 {
		delete(s.groups, g.name)
		delete(s.relays, g.relay)
	}
	s.detach(s.topic(g))
}

func (s *scope) topic(g *group) wire.Topic {
	if s.line == nil {
		return wire.Topic{}
	}
	return wire.Topic{Group: s.schema + "." + g.name, Channel: s.prefix + g.relay.String()}
}

func (s *scope) attach(t wire.Topic) func(context.Context) error {
	if s.line == nil {
		return nil
	}
	return s.line.Attach(t)
}

func (s *scope) detach(t wire.Topic) {
	if s.line != nil {
		s.line.Detach(t)
	}
}

// Send implements [Scope].
func (s *scope) Send(ctx context.Context, name string, m *Message) error {
	wireName, err := ChannelName(s.schema, name)
	if err == nil {
		err = s.checkSend(m)
	}
	switch {
	case err != nil:
		return err
	case s.line == nil:
		return s.send(name, wireName, m)
	}
	return s.countSent(s.line.Send(ctx, wireName, &m.entries))
}

// GroupSend implements [Scope].
func (s *scope) GroupSend(ctx context.Context, group string, m *Message) error {
	wireName, err := GroupName(s.schema, group)
	if err == nil {
		err = s.checkSend(m)
	}
	switch {
	case err != nil:
		return err
	case s.line == nil:
		s.countLocal()
		s.deliverGroup(group, m)
		return nil
	}
	return s.countSent(s.line.GroupSend(ctx, wireName, &m.entries))
}

func (s *scope) checkSend(m *Message) error {
	s.mu.RLock()
	err := s.closedError()
	s.mu.RUnlock()
	if err != nil {
		return err
	}
	return m.check(s.config.MaxMessage)
}

// countSent counts the outcome of a send and returns its error. A full channel,
// or a caller that stopped waiting, does not count: neither is a fault of the
// wire.
func (s *scope) countSent(err error) error {
	if err == nil || errors.Is(err, ErrBroken) {
		s.counters.CountSent(err)
	}
	return err
}

func (s *scope) closedError() error {
	if s.closed {
		return errLayerClosed
	}
	return nil
}

// open returns the open channels.
func (s *scope) open() []*Channel {
	s.mu.RLock()
	defer s.mu.RUnlock()
	return s.channels.all()
}

// close closes the scope and its channels, and notifies the receivers.
func (s *scope) close() {
	s.mu.Lock()
	s.closed = true
	s.mu.Unlock()
	for _, ch := range s.open() {
		if ch.Close() {
			ch.receiver.Interrupted(ErrClosed)
		}
	}
}

var _ Scope = (*scope)(nil)
