package websocket

import (
	"context"
	"fmt"

	"github.com/tenantedge/tenantedge/edge/channel"
)

// Groups are the groups of one tenant, for one of its websockets. No name reaches
// another tenant's groups. On the wire, for Django, the group chat of the tenant
// acme is acme.chat.
type Groups struct{ conn *Conn }

// Add makes the websocket a member of a group. It may wait for the channel layer.
func (g Groups) Add(ctx context.Context, group string) error {
	ch, err := g.channel(ctx)
	if err != nil {
		return err
	}
	return g.conn.route.scope.Add(ctx, group, ch)
}

// Discard ends the membership at once, as closing the websocket does.
func (g Groups) Discard(group string) {
	g.conn.mu.Lock()
	ch := g.conn.channel
	g.conn.mu.Unlock()
	if ch != nil && ch != noChannel {
		g.conn.route.scope.Discard(group, ch)
	}
}

// Send sends a message to all members, in this process, other edges and Django.
func (g Groups) Send(ctx context.Context, group string, m *channel.Message) error {
	return g.conn.route.scope.GroupSend(ctx, group, m)
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

// Channel returns the name of the websocket's channel, which the first call opens.
// Messages to it reach this websocket only.
func (g Groups) Channel(ctx context.Context) (string, error) {
	ch, err := g.channel(ctx)
	if err != nil {
		return "", err
	}
	return ch.Name(), nil
}

// Scope returns the tenant's part of the channel layer.
func (g Groups) Scope() channel.Scope { return g.conn.route.scope }

// channel opens the websocket's channel on first use.
func (g Groups) channel(ctx context.Context) (*channel.Channel, error) {
	c := g.conn
	c.mu.Lock()
	ch := c.channel
	c.mu.Unlock()
	switch ch {
	case nil:
	case noChannel:
		return nil, ErrClosed
	default:
		return ch, nil
	}
	fresh, err := c.route.scope.Open(ctx, (*events)(c))
	if err != nil {
		return nil, fmt.Errorf("websocket: %w", err)
	}
	c.mu.Lock()
	if ch = c.channel; ch == nil {
		c.channel = fresh
	}
	c.mu.Unlock()
	switch ch {
	case nil:
		return fresh, nil
	case noChannel:
		fresh.Close()
		return nil, ErrClosed
	default: // another goroutine has opened one
		fresh.Close()
		return ch, nil
	}
}
