// Package channel is the channel layer: how the sockets of a tenant, in this
// process and in others, send each other messages by name.
//
// A channel is where one receiver's messages arrive; a group is a named set of
// channels. [NewMemory] serves one process; package redis beside this one
// speaks the wire format of channels_redis, so that Django processes and other
// edges take part. Applications never see a layer: they get the [Scope] of
// their tenant, which knows logical names only.
//
//	layer, err := channel.NewMemory(channel.Config{})
//	scope, err := layer.For("acme")
//	box := channel.NewMailbox(channel.MailboxConfig{})
//	ch, err := scope.Open(ctx, box)
//	err = scope.Add(ctx, "chat", ch)
//	hello, err := channel.NewMessage("chat.message", channel.Field{Name: "text", Value: "hi"})
//	err = scope.GroupSend(ctx, "chat", hello)
//	message, err := box.Next(ctx)
package channel

import "context"

// Layer is a channel layer, for all tenants of the process.
type Layer interface {
	// For returns the scope of the tenant with this schema, the same for the
	// same schema as long as it is held or has open channels. It fails with
	// [ErrName] for a schema that cannot be part of a name on the wire.
	For(schema string) (Scope, error)
	// Stats sums what the scopes have counted.
	Stats() Stats
	// Close closes all channels, whose receivers are told [ErrClosed], takes
	// them off the wire and lets go of all connections.
	Close() error
}

// Scope is what an application may do with a layer: within its own tenant.
// Names are logical: the group chat of the tenant acme is acme.chat on the
// wire. All methods may be used by many goroutines.
type Scope interface {
	// Schema returns the tenant's schema.
	Schema() string
	// Open makes a channel whose messages go to r. While the layer is broken
	// that is [ErrBroken].
	Open(ctx context.Context, r Receiver) (*Channel, error)
	// Add makes ch a member of the group. Once it has returned nil, messages
	// sent to the group, by whomever, reach ch. Adding a member again does
	// nothing.
	Add(ctx context.Context, group string, ch *Channel) error
	// Discard ends ch's membership, at once in this process. It cannot fail:
	// what the wire still has to learn is retried until it has.
	Discard(group string, ch *Channel)
	// Send sends to one channel, by its [Channel.Name] or by the name of a
	// general channel that some worker receives. A channel that is full is
	// [ErrFull]; one that is gone is no error, for over a wire nobody can
	// know, and is counted where the message arrives.
	Send(ctx context.Context, channel string, m *Message) error
	// GroupSend sends to all members of a group. A full member misses the
	// message, which is counted.
	GroupSend(ctx context.Context, group string, m *Message) error
	// Stats returns what was counted for this tenant.
	Stats() Stats
}

// Receiver takes the messages of one channel. Its methods are called by many
// goroutines and must not block. They may use the scope, save that Open and
// Add can wait for the wire.
type Receiver interface {
	// Receive takes a message, which it shares with other receivers. It
	// returns false if it has no room for it, and the message is dropped and
	// counted.
	Receive(m *Message) bool
	// Interrupted says, with an error that is [ErrBroken], that from now on
	// messages may be lost; with nil, that messages flow again; with
	// [ErrClosed], that the layer was closed and nothing will come any more.
	Interrupted(err error)
}
