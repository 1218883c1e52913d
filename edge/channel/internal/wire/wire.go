// Package wire is what a layer that spans processes shares with package
// channel: the connection of a tenant, the tenant's half in this process, the
// names on the wire and the counters.
package wire

import (
	"context"

	"github.com/tenantedge/tenantedge/edge/channel/internal/message"
)

// Line connects the channels of one tenant to other processes. Names are those
// on the wire. Attach and Detach must not block, nor call the Tenant.
type Line interface {
	// Attach counts one more use of a topic. It returns nil if the wire has
	// confirmed the topic, otherwise a function that waits until it does.
	Attach(t Topic) (wait func(context.Context) error)
	// Detach reverses one Attach.
	Detach(t Topic)
	// Send sends to one channel, GroupSend to the members of a group.
	Send(ctx context.Context, channel string, m *message.Entries) error
	GroupSend(ctx context.Context, group string, m *message.Entries) error
}

// Topic is what a process receives messages for. Names are those on the wire.
type Topic struct {
	Group   string // empty for a channel
	Channel string // the channel, or the group's relay channel
}

// Tenant is the half of a tenant's scope that is in this process: its open
// channels and their memberships.
type Tenant interface {
	// Schema returns the tenant's schema.
	Schema() string
	// MaxMessage returns the limit for a message's length as MessagePack.
	MaxMessage() int
	// Counters returns the tenant's counters.
	Counters() *Counters
	// Deliver delivers a message to channels of this process, or to the members
	// of the groups whose relay channels they are, by their names on the wire.
	// Names of other tenants, and of closed channels, are counted and dropped.
	Deliver(m message.Entries, channels ...string)
	// DeliverGroup delivers a message to the members that a group has in this
	// process, by its name on the wire. A group of another tenant is counted and
	// dropped.
	DeliverGroup(m message.Entries, group string)
	// Interrupt notifies all receivers that the wire is broken, or with nil that
	// it works again. Calls must not overlap.
	Interrupt(err error)
}
