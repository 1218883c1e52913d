package edge

import (
	"context"
	"fmt"

	"github.com/tenantedge/tenantedge/edge/channel"
)

// Groups are the groups of one tenant, as one of its sockets sees them. Names
// are logical: no name reaches another tenant's. On the wire, for Django, the
// group chat of the tenant acme is acme.chat.
type Groups struct{ socket *Websocket }

// Add makes the socket a member: messages to the group reach it from then on.
// It may wait for the channel layer.
func (g Groups) Add(ctx context.Context, group string) error {
	ch, err := g.channel(ctx)
	if err != nil {
		return err
	}
	return g.socket.place.scope.Add(ctx, group, ch)
}

// Discard ends the membership, at once. Closing the socket does it too.
func (g Groups) Discard(group string) {
	g.socket.mu.Lock()
	ch := g.socket.channel
	g.socket.mu.Unlock()
	if ch != nil && ch != noChannel {
		g.socket.place.scope.Discard(group, ch)
	}
}

// Send sends to all members, in this process, other edges and Django.
func (g Groups) Send(ctx context.Context, group string, m *channel.Message) error {
	return g.socket.place.scope.GroupSend(ctx, group, m)
}

// SendText sends text to the clients of all members: a message of the type
// websocket.send.
func (g Groups) SendText(ctx context.Context, group, text string) error {
	m, err := channel.NewMessage("websocket.send", channel.Field{Name: "text", Value: text})
	if err != nil {
		return err
	}
	return g.Send(ctx, group, m)
}

// Channel returns the name of the socket's own channel, which is opened by the
// first call: whatever is sent there comes to this socket alone.
func (g Groups) Channel(ctx context.Context) (string, error) {
	ch, err := g.channel(ctx)
	if err != nil {
		return "", err
	}
	return ch.Name(), nil
}

// Scope is the tenant's part of the channel layer.
func (g Groups) Scope() channel.Scope { return g.socket.place.scope }

// channel opens the socket's channel when it is needed first.
func (g Groups) channel(ctx context.Context) (*channel.Channel, error) {
	s := g.socket
	s.mu.Lock()
	ch := s.channel
	s.mu.Unlock()
	switch ch {
	case nil:
	case noChannel:
		return nil, ErrWebsocketClosed
	default:
		return ch, nil
	}
	fresh, err := s.place.scope.Open(ctx, (*socketEvents)(s))
	if err != nil {
		return nil, fmt.Errorf("edge: %w", err)
	}
	s.mu.Lock()
	if ch = s.channel; ch == nil {
		s.channel = fresh
	}
	s.mu.Unlock()
	switch ch {
	case nil:
		return fresh, nil
	case noChannel:
		fresh.Close()
		return nil, ErrWebsocketClosed
	default: // another goroutine was quicker
		fresh.Close()
		return ch, nil
	}
}

// Channels returns a tenant's part of the channel layer, to send to its groups
// from outside of any socket. The error is ErrUnknownTenant for a schema that is
// no tenant's.
func (h *Host) Channels(schema string) (channel.Scope, error) {
	if h.websockets == nil {
		return nil, fmt.Errorf("edge: Channels: no websockets are configured")
	}
	if !h.tenants.Exists(schema) {
		return nil, fmt.Errorf("%w: %q", ErrUnknownTenant, schema)
	}
	return h.websockets.layer.For(schema)
}
