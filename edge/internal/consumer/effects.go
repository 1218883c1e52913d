package consumer

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"time"
	"unicode/utf8"

	"github.com/tenantedge/tenantedge/edge/channel"
	"github.com/tenantedge/tenantedge/edge/internal/sockets"
	"github.com/tenantedge/tenantedge/edge/trace"
	"github.com/tenantedge/tenantedge/guest/abi"
)

// errNoLayer is the error of an effect on groups without a channel layer.
var errNoLayer = errors.New("the guest uses groups or channels: expected a channel layer, found none; configure one")

// maxReason is the maximum length of a close frame's reason, in bytes (RFC 6455).
const maxReason = 123

// effects are the effects in the guest's reply to one event. All are checked
// before the first is carried out.
type effects struct {
	ctx      context.Context // of the event's trace; it is never canceled
	endpoint *endpoint
	opening  bool     // reply to te_ws_open
	offered  []string // subprotocols that the client offers
	last     bool     // reply to te_ws_close: the client is no longer connected

	status   int    // not 0: the guest rejects the handshake
	protocol string // subprotocol that the guest chose
	plain    bool   // not opening, and no effect uses the channel layer: reply is in the guest's memory
	reply    abi.Message
	final    bool               // each is at the last effect
	messages []*channel.Message // of GroupSend and ChannelSend, in order
}

// read checks a reply, and copies it unless it is plain: other effects are carried
// out after the instance is returned.
func (e *effects) read(m abi.Message) error {
	if e.opening {
		if err := e.readOpening(m); err != nil || e.status != 0 {
			return err
		}
	}
	kinds := m.Get(abi.EffectsKinds)
	e.plain = !e.opening
	for i, kind := range kinds {
		name, data := m.Get(abi.EffectsName0+2*i), m.Get(abi.EffectsData0+2*i)
		if err := e.check(abi.Effect(kind), name, data, i == len(kinds)-1); err != nil {
			return fmt.Errorf("effect %d: %w", i, err)
		}
	}
	e.reply = m
	if e.plain {
		return nil
	}
	var err error
	e.reply, err = abi.Parse(bytes.Clone(m.Bytes()))
	return err
}

func (e *effects) readOpening(m abi.Message) error {
	e.status = int(m.Word() >> abi.EffectsStatusShift)
	if e.status != 0 && (e.status < http.StatusBadRequest || e.status > 599) {
		return fmt.Errorf("the handshake is rejected with %d: expected 400 to 599, or 0 to accept it", e.status)
	}
	chosen := string(m.Get(abi.EffectsProtocol))
	if chosen != "" && !slices.Contains(e.offered, chosen) {
		return fmt.Errorf("the subprotocol is %.80q: expected one that the client offers", chosen)
	}
	e.protocol = chosen
	return nil
}

// check returns an error for an effect that cannot be carried out, as far as this
// is known in advance.
func (e *effects) check(kind abi.Effect, name, data []byte, last bool) error {
	switch kind {
	case abi.SendText:
		if !utf8.Valid(data) {
			return errors.New("expected text to be valid UTF-8")
		}
	case abi.SendBinary:
	case abi.SetTimer:
		if len(data) != 4 {
			return fmt.Errorf("the timer has %d bytes: expected 4", len(data))
		}
	case abi.CloseSocket:
		return e.checkClose(name, data, last)
	case abi.GroupAdd, abi.GroupDiscard, abi.OpenChannel, abi.GroupSend, abi.ChannelSend:
		e.plain = false
		return e.checkLayer(kind, string(name), data)
	default:
		return fmt.Errorf("the kind is %d: expected one that guest/abi defines", kind)
	}
	return nil
}

func (e *effects) checkClose(reason, data []byte, last bool) error {
	switch {
	case e.opening:
		return errors.New("te_ws_open closes the websocket: expected a status that rejects the handshake")
	case !last:
		return errors.New("an effect follows the close: expected the close to be the last effect")
	case len(data) != 2 || !sockets.Code(binary.LittleEndian.Uint16(data)).Sendable():
		return fmt.Errorf("the close code is %x: expected 1000-1003, 1007-1014 or 3000-4999 in 2 bytes", data)
	case len(reason) > maxReason || !utf8.Valid(reason):
		return fmt.Errorf("the reason has %d bytes: expected at most %d bytes of valid UTF-8", len(reason), maxReason)
	}
	return nil
}

func (e *effects) checkLayer(kind abi.Effect, name string, data []byte) (err error) {
	switch {
	case e.endpoint.scope == nil:
		return errNoLayer
	case kind == abi.OpenChannel:
		return nil
	case kind == abi.ChannelSend:
		_, err = channel.ChannelName(e.endpoint.schema, name)
	default:
		_, err = channel.GroupName(e.endpoint.schema, name)
	}
	if err != nil || kind == abi.GroupAdd || kind == abi.GroupDiscard {
		return err
	}
	m, err := channel.ParseMessage(bytes.Clone(data))
	if err != nil {
		return err
	}
	if m.Type() == "" {
		return fmt.Errorf("%w: expected a type, found none", channel.ErrMessage)
	}
	e.messages = append(e.messages, m)
	return nil
}

// each calls do for each effect until one fails.
func (e *effects) each(do func(kind abi.Effect, name, data []byte) error) error {
	kinds := e.reply.Get(abi.EffectsKinds)
	for i, kind := range kinds {
		e.final = i == len(kinds)-1
		if err := do(abi.Effect(kind), e.reply.Get(abi.EffectsName0+2*i), e.reply.Get(abi.EffectsData0+2*i)); err != nil {
			return err
		}
	}
	return nil
}

// joins reports whether an effect adds the websocket to a group or opens its
// channel. Those of the open event are carried out before the handshake is
// accepted, so that the handshake is rejected if the layer fails.
func joins(kind abi.Effect) bool { return kind == abi.GroupAdd || kind == abi.OpenChannel }

// join carries out the open event's effects for which joins returns true.
func (c *Consumer) join(e *effects) error {
	return e.each(func(kind abi.Effect, name, _ []byte) error {
		if joins(kind) {
			return c.joinGroup(e.ctx, string(name))
		}
		return nil
	})
}

// apply stores the guest's state and carries the effects out. The first that fails
// closes the websocket; those after it are skipped.
func (c *Consumer) apply(e *effects) {
	if state, ok := e.reply.Field(abi.EffectsState); ok && string(state) != c.state {
		c.state = string(state)
	}
	if err := e.each(func(kind abi.Effect, name, data []byte) error { return c.do(e, kind, name, data) }); err != nil {
		c.fail(err)
	}
}

// do carries out one effect.
func (c *Consumer) do(e *effects, kind abi.Effect, name, data []byte) error {
	switch {
	case e.opening && joins(kind):
		return nil // done by join
	case e.last && (joins(kind) || kind == abi.SetTimer || kind == abi.CloseSocket || kind <= abi.SendBinary):
		return nil // the websocket is closed
	}
	switch kind {
	case abi.SendText:
		return unlessClosed(c.conn.Send(sockets.Text, data))
	case abi.SendBinary:
		return unlessClosed(c.conn.Send(sockets.Binary, data))
	case abi.SetTimer:
		c.setTimer(time.Duration(binary.LittleEndian.Uint32(data)) * time.Millisecond)
	case abi.CloseSocket:
		return c.conn.Close(sockets.Code(binary.LittleEndian.Uint16(data)), string(name))
	case abi.GroupAdd, abi.OpenChannel:
		return c.joinGroup(e.ctx, string(name))
	case abi.GroupDiscard:
		if c.channel != nil {
			c.endpoint.scope.Discard(string(name), c.channel)
		}
	case abi.GroupSend, abi.ChannelSend:
		m := e.messages[0]
		e.messages = e.messages[1:]
		if e.final {
			c.finishSending()
		}
		return c.send(e.ctx, kind, string(name), m)
	}
	return nil
}

// finishSending lets group messages for the client go out at once, although the event
// still runs: the event sends nothing more that must precede them. So the sender of
// a group message gets its own copy when the other members do, not after them.
func (c *Consumer) finishSending() {
	c.mu.Lock()
	c.sendsDone = true
	c.mu.Unlock()
}

// unlessClosed returns nil for sockets.ErrClosed: a client that has disconnected is
// no failure, and the guest gets a close event.
func unlessClosed(err error) error {
	if errors.Is(err, sockets.ErrClosed) {
		return nil
	}
	return err
}

// enter opens the websocket's channel if it has none, and adds it to the group,
// unless the name is empty.
func (c *Consumer) joinGroup(ctx context.Context, group string) error {
	return trace.Do(c.endpoint.set.guests.Tracer(), ctx, "channel join", func(ctx context.Context) error { return c.joinNow(ctx, group) })
}

func (c *Consumer) joinNow(ctx context.Context, group string) error {
	ctx, cancel := context.WithTimeout(ctx, layerTimeout)
	defer cancel()
	if c.channel == nil {
		ch, err := c.endpoint.scope.Open(ctx, c)
		if err != nil {
			return err
		}
		c.mu.Lock()
		c.channel = ch
		c.mu.Unlock()
	}
	if group == "" {
		return nil
	}
	return c.endpoint.scope.Add(ctx, group, c.channel)
}

// send sends to a group or a channel. A message to a full channel is dropped, as
// one to a full member of a group is; the layer counts both.
func (c *Consumer) send(ctx context.Context, kind abi.Effect, name string, m *channel.Message) error {
	return trace.Do(c.endpoint.set.guests.Tracer(), ctx, "channel send", func(ctx context.Context) error { return c.sendNow(ctx, kind, name, m) })
}

func (c *Consumer) sendNow(ctx context.Context, kind abi.Effect, name string, m *channel.Message) error {
	ctx, cancel := context.WithTimeout(ctx, layerTimeout)
	defer cancel()
	ep := c.endpoint
	if kind == abi.GroupSend {
		return ep.scope.GroupSend(ctx, name, m)
	}
	err := ep.scope.Send(ctx, name, m)
	if errors.Is(err, channel.ErrFull) {
		return nil // the layer counts and logs it
	}
	return err
}
