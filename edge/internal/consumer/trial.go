package consumer

import (
	"bytes"
	"context"

	"github.com/tenantedge/tenantedge/edge/channel"
	"github.com/tenantedge/tenantedge/edge/internal/guests"
	"github.com/tenantedge/tenantedge/edge/internal/instance"
	"github.com/tenantedge/tenantedge/guest/abi"
)

// Trial is an event of a websocket that does not exist, to test a guest.
type Trial struct {
	Request // of the handshake; for other events its tenant and route
	Event   instance.Export
	Word    uint32 // of the event, see guest/abi
	State   string // the guest's, before the event
	Channel string // name of the websocket's channel; empty: none
	Data    []byte
}

// Reply is the guest's reply to a [Trial]. It has passed the checks of replies to
// real events.
type Reply struct {
	Status   int    // not 0: the guest rejects the handshake
	Protocol string // subprotocol that the guest chose
	State    string // after the event
	Effects  []Effect
}

// Effect is one effect of a [Reply].
type Effect struct {
	Kind abi.Effect
	Name string
	Data []byte
}

// untried has the groups of a Trial. Its effects are checked and not carried out.
type untried struct{ channel.Scope }

// Try calls the guest for an event and carries out no effect. A guest without the
// event's export has no reply: the state stays as it is.
func (set *Set) Try(ctx context.Context, t *Trial) (Reply, error) {
	g, i, err := set.guests.BorrowFor(ctx, t.Tenant.Schema)
	if err != nil {
		return Reply{}, err
	}
	defer g.Return(i)
	r := Reply{State: t.State}
	switch {
	case !g.Configured().Consumer:
		return r, errNoConsumer
	case !g.Has(t.Event):
		return r, nil
	}
	key := endpointKey{t.Tenant.Schema, t.Tenant.ID, t.Tenant.Identifier, t.Tenant.Routing.Folder, t.Route}
	ep := &endpoint{endpointKey: key, tenant: *t.Tenant, set: set, scope: untried{}}
	opening := t.Event == instance.SocketOpen
	e := effects{endpoint: ep, opening: opening, offered: t.Protocols, last: t.Event == instance.SocketClose}
	err = g.CallFor(ctx, i, t.Tenant, t.Event, func(buf []byte) int {
		if opening {
			return encodeHandshake(buf, g.Configured().ConsumerHeaders, ep, &t.Request)
		}
		return t.encode(buf, ep)
	}, func(m abi.Message) error {
		if err := e.read(m); err != nil {
			return instance.InvalidReply(t.Event, err)
		}
		return r.read(&e, m)
	})
	return r, err
}

// encode writes an event other than open.
func (t *Trial) encode(buf []byte, ep *endpoint) int {
	b := abi.Begin(buf, t.Word, abi.EventData+1)
	ep.encode(&b)
	if t.State != "" {
		b.Put(abi.EventState, t.State)
	}
	if t.Channel != "" {
		b.Put(abi.EventChannel, t.Channel)
	}
	b.PutBytes(abi.EventData, t.Data)
	return guests.Size(&b)
}

// read copies a reply that e has checked.
func (r *Reply) read(e *effects, m abi.Message) error {
	r.Status, r.Protocol = e.status, e.protocol
	if state, ok := m.Field(abi.EffectsState); ok {
		r.State = string(state)
	}
	if e.status != 0 {
		return nil
	}
	e.reply = m
	return e.each(func(kind abi.Effect, name, data []byte) error {
		r.Effects = append(r.Effects, Effect{kind, string(name), bytes.Clone(data)})
		return nil
	})
}
