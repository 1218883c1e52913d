package channel

import (
	"context"
	"fmt"
	"strings"
	"sync"
)

// Local is the half of a scope that lives in this process: a tenant's open
// channels and their memberships. Layers are made of it; applications have no
// use for it. Without an [Uplink] it is all there is to a scope.
//
// A group has one member on the wire for each process, however many sockets
// are in it here: the relay channel, from which Local fans out.
type Local struct {
	schema  string
	process token
	prefix  string // of all channels of this process, on the wire
	config  Config
	uplink  Uplink
	owner   Scope // that is made of it
	seat    *seat // among the layer's scopes; nil: it is in none

	Counters *Counters

	mu          sync.RWMutex
	channels    registry
	groups      map[string]*group // by logical name
	relays      map[token]*group
	memberships int
	closed      bool
}

// Uplink is a layer's connection to other processes, for one tenant. Its
// methods must not block, nor call Local.
type Uplink interface {
	// Attach takes note of one more use of a topic. It returns nil if the
	// wire knows of the topic already, otherwise what waits until it does.
	Attach(t Topic) (wait func(context.Context) error)
	// Detach takes back one Attach.
	Detach(t Topic)
}

// Topic is what a process wants to hear of. Names are those on the wire.
type Topic struct {
	Group   string // empty for a channel
	Channel string // the channel, or the group's relay channel
}

// group is a group that has members in this process.
type group struct {
	name    string
	relay   token
	members []*Channel
	shared  bool // a sender walks over members: copy before a change
}

// own makes members safe to change.
func (g *group) own() {
	if g.shared {
		g.members, g.shared = append(make([]*Channel, 0, len(g.members)+1), g.members...), false
	}
}

// NewLocal returns the local half of a tenant's scope. The config must be
// complete, see [Config.Complete]. A zero process gives the scope a name of its
// own.
func NewLocal(schema string, process Process, config Config, uplink Uplink) (*Local, error) {
	if err := CheckSchema(schema); err != nil {
		return nil, err
	}
	if process == (Process{}) {
		process = NewProcess()
	}
	return &Local{
		schema: schema, process: process.token, prefix: schema + "." + process.String() + processEnd, config: config, uplink: uplink,
		Counters: &Counters{schema: schema, logger: config.Logger}, groups: map[string]*group{}, relays: map[token]*group{},
	}, nil
}

func (l *Local) self() *Local { return l }

// occupy reports whether the scope has to stay although no layer may hold it; it
// is locked.
func (l *Local) occupy() {
	if l.seat == nil {
		return
	}
	if l.channels.open > 0 {
		l.seat.occupied.Store(l)
	} else {
		l.seat.occupied.Store(nil)
	}
}

// Schema implements [Scope].
func (l *Local) Schema() string { return l.schema }

// Prefix returns what the names of this process's channels begin with on the
// wire, up to and including the exclamation mark: channels_redis calls it the
// non-local name.
func (l *Local) Prefix() string { return l.prefix }

// Stats implements [Scope].
func (l *Local) Stats() Stats {
	s := l.Counters.stats()
	l.mu.RLock()
	s.Channels, s.Memberships = int64(l.channels.open), int64(l.memberships)
	l.mu.RUnlock()
	return s
}

// Open implements [Scope].
func (l *Local) Open(ctx context.Context, r Receiver) (*Channel, error) {
	ch := &Channel{local: l, receiver: r}
	l.mu.Lock()
	err := l.closedError()
	if err == nil && l.channels.open >= l.config.MaxChannels {
		err = fmt.Errorf("%w: %d open channels of %s", ErrLimit, l.channels.open, l.schema)
	}
	if err != nil {
		l.mu.Unlock()
		return nil, err
	}
	l.channels.add(ch)
	l.occupy()
	wait := l.attach(ch.topic())
	l.mu.Unlock()
	if wait != nil {
		if err := wait(ctx); err != nil {
			ch.Close()
			return nil, err
		}
	}
	return ch, nil
}

// Add implements [Scope].
func (l *Local) Add(ctx context.Context, name string, ch *Channel) error {
	if _, err := GroupName(l.schema, name); err != nil {
		return err
	}
	l.mu.Lock()
	wait, again, err := l.join(name, ch)
	l.mu.Unlock()
	if err != nil || wait == nil {
		return err
	}
	err = wait(ctx)
	switch {
	case again != nil:
		l.mu.Lock()
		l.detach(*again)
		l.mu.Unlock()
	case err != nil:
		l.Discard(name, ch)
	}
	return err
}

// join makes ch a member. If it was one already, another call may still wait
// for the wire: so does this one, and again is the use of the topic to take
// back behind that.
func (l *Local) join(name string, ch *Channel) (wait func(context.Context) error, again *Topic, err error) {
	if err := l.closedError(); err != nil {
		return nil, nil, err
	}
	if ch.local != l || ch.closed.Load() {
		return nil, nil, fmt.Errorf("%w: not an open channel of %s", ErrClosed, l.schema)
	}
	g := l.groups[name]
	if g != nil && ch.memberships.in(g) >= 0 {
		t := l.topic(g)
		if wait = l.attach(t); wait == nil {
			l.detach(t)
		}
		return wait, &t, nil
	}
	if l.memberships >= l.config.MaxMemberships {
		return nil, nil, fmt.Errorf("%w: %d memberships of %s", ErrLimit, l.memberships, l.schema)
	}
	if g == nil {
		g = &group{name: strings.Clone(name), relay: relayToken(l.process, name)}
		l.groups[g.name], l.relays[g.relay] = g, g
	}
	g.own()
	ch.memberships.add(membership{g, len(g.members)})
	g.members = append(g.members, ch)
	l.memberships++
	return l.attach(l.topic(g)), nil, nil
}

// Discard implements [Scope].
func (l *Local) Discard(name string, ch *Channel) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if g := l.groups[name]; g != nil && ch.local == l {
		if at := ch.memberships.in(g); at >= 0 {
			l.leave(ch, at)
		}
	}
}

// leave ends the membership with an index. The group's last
// member takes the place of the one that leaves.
func (l *Local) leave(ch *Channel, at int) {
	g, place := ch.memberships.at(at).group, ch.memberships.at(at).at
	g.own()
	last := len(g.members) - 1
	moved := g.members[last]
	moved.memberships.at(moved.memberships.in(g)).at = place
	g.members[place], g.members[last] = moved, nil
	g.members = g.members[:last]

	ch.memberships.remove(at)
	l.memberships--
	if last == 0 {
		delete(l.groups, g.name)
		delete(l.relays, g.relay)
	}
	l.detach(l.topic(g))
}

func (l *Local) topic(g *group) Topic {
	if l.uplink == nil {
		return Topic{}
	}
	return Topic{Group: l.schema + "." + g.name, Channel: l.prefix + g.relay.String()}
}

func (l *Local) attach(t Topic) func(context.Context) error {
	if l.uplink == nil {
		return nil
	}
	return l.uplink.Attach(t)
}

func (l *Local) detach(t Topic) {
	if l.uplink != nil {
		l.uplink.Detach(t)
	}
}

// Closed reports whether CloseAll was called.
func (l *Local) Closed() bool {
	l.mu.RLock()
	defer l.mu.RUnlock()
	return l.closed
}

func (l *Local) closedError() error {
	if l.closed {
		return fmt.Errorf("%w: the layer", ErrClosed)
	}
	return nil
}

// Interrupt tells all receivers that the wire broke, or with nil that it works
// again. Calls must come one after the other.
func (l *Local) Interrupt(err error) {
	if l.Counters.broken.Swap(err != nil) == (err != nil) {
		return
	}
	if err != nil {
		l.Counters.Breaks.Add(1)
	} else {
		l.Counters.Resumes.Add(1)
		l.Counters.mended()
	}
	for _, ch := range l.all() {
		ch.receiver.Interrupted(err)
	}
}

func (l *Local) all() []*Channel {
	l.mu.RLock()
	defer l.mu.RUnlock()
	return l.channels.all()
}

// CloseAll closes the scope and its channels, whose receivers are told.
func (l *Local) CloseAll() {
	l.mu.Lock()
	l.closed = true
	l.mu.Unlock()
	for _, ch := range l.all() {
		if ch.Close() {
			ch.receiver.Interrupted(ErrClosed)
		}
	}
}
