// Package channel is the channel layer of Django Channels: the sockets of a
// tenant, in this process and in others, send each other messages by name.
//
// A channel receives messages for one receiver; a group is a named set of
// channels. [NewMemory] makes a layer for one process. Package redis, below this
// one, makes layers in the wire format of channels_redis, which include Django
// processes and other edges. Applications get the [Scope] of their tenant, in
// which names are logical, and never the layer.
//
//	layer, err := channel.NewMemory(channel.Config{})
//	scope, err := layer.For("acme")
//	ch, err := scope.Open(ctx, receiver)
//	err = scope.Add(ctx, "chat", ch)
//	hello, err := channel.NewMessage("chat.message", channel.Field{Name: "text", Value: "hi"})
//	err = scope.GroupSend(ctx, "chat", hello) // calls receiver.Receive(hello)
package channel

import "context"

// Layer is a channel layer, for all tenants of the process.
type Layer interface {
	// For returns the scope of the tenant with a schema. As long as a scope is
	// referenced or has open channels, For returns the same one for the same
	// schema. It fails with [ErrName] for a schema that cannot be part of a name
	// on the wire, and with [ErrClosed] after Close.
	For(schema string) (Scope, error)
	// Stats returns the sum of the scopes' Stats.
	Stats() Stats
	// Close closes all channels, notifies their receivers with [ErrClosed],
	// removes the channels from the wire and closes all connections.
	Close() error
}

// Scope is a layer for one tenant. Names are logical: the group chat of the
// tenant acme is acme.chat on the wire. All methods are safe for concurrent use.
type Scope interface {
	// Schema returns the tenant's schema.
	Schema() string
	// Open opens a channel whose messages go to r. It fails with [ErrBroken]
	// while the wire is broken, and with [ErrLimit].
	Open(ctx context.Context, r Receiver) (*Channel, error)
	// Add makes ch a member of a group. After it returns nil, ch receives the
	// messages that any process sends to the group. Adding a member again does
	// nothing.
	Add(ctx context.Context, group string, ch *Channel) error
	// Discard ends ch's membership, in this process immediately. It cannot fail:
	// changes that the wire has not confirmed are retried.
	Discard(group string, ch *Channel)
	// Send sends to one channel, by its [Channel.Name] or by the name of a
	// general channel that some worker receives. It returns [ErrFull] for a full
	// channel. Sending to a closed channel is no error, since a sender cannot
	// know; the process that receives the message counts it.
	Send(ctx context.Context, channel string, m *Message) error
	// GroupSend sends to all members of a group. For a full member the message
	// is dropped and counted.
	GroupSend(ctx context.Context, group string, m *Message) error
	// Stats returns the tenant's counts.
	Stats() Stats
	// LargestGroups returns the n groups with the most members in this process, those
	// with the most first, and those with equally many by name. It looks at all groups.
	LargestGroups(n int) []GroupSize
}

// GroupSize is the size of a group.
type GroupSize struct {
	Name    string // without the tenant
	Members int    // channels of this process
}

// Receiver receives the messages of one channel. Its methods are called
// concurrently and must not block. They may call the scope, except Open and Add,
// which can wait for the wire.
type Receiver interface {
	// Receive takes a message, which other receivers may share. It returns false
	// if it has no room: then the message is dropped and counted.
	Receive(m *Message) bool
	// Interrupted reports a change of the layer: with an [ErrBroken], messages
	// may be lost from now on; with nil, the layer works again; with [ErrClosed],
	// the layer was closed and no more messages follow.
	Interrupted(err error)
}
