package consumer

import (
	"context"
	"errors"
	"log/slog"
	"strings"
	"time"

	"github.com/tenantedge/tenantedge/edge/channel"
	"github.com/tenantedge/tenantedge/edge/internal/guests"
	"github.com/tenantedge/tenantedge/edge/internal/instance"
	"github.com/tenantedge/tenantedge/edge/internal/sockets"
	"github.com/tenantedge/tenantedge/edge/trace"
	"github.com/tenantedge/tenantedge/guest/abi"
)

// layerTimeout bounds how long one effect waits for the channel layer.
const layerTimeout = 5 * time.Second

// errNoConsumer is the error of events after a swap to a guest that handles no
// websockets.
var errNoConsumer = errors.New("the guest no longer handles websockets: expected consumer in its reply to te_configure, found none")

// run calls the guest for one event and carries out the effects. The caller has
// set c.busy. fromWork means that the caller is a goroutine of Set.work, which
// Set.running counts.
func (c *Consumer) run(fromWork bool, export instance.Export, word uint32, data []byte) {
	c.runWith(fromWork, export, func(buf []byte) int {
		b := c.encode(buf, word)
		b.PutBytes(abi.EventData, data)
		return guests.Size(&b)
	})
}

// runGroup is like run, for a group message.
func (c *Consumer) runGroup(m *channel.Message) {
	c.runWith(true, instance.SocketGroup, func(buf []byte) int {
		b := c.encode(buf, 0)
		if room := b.Room(abi.EventData, m.Len()); room != nil {
			m.AppendMsgPack(room[:0])
		}
		return guests.Size(&b)
	})
}

func (c *Consumer) runWith(fromWork bool, export instance.Export, write func([]byte) int) {
	if c.failed && export != instance.SocketClose {
		return
	}
	ctx, span := trace.Begin(c.endpoint.set.guests.Tracer(), c.endpoint.ctx, "websocket event")
	if span != nil {
		defer func() { span.End(nil) }()
	}
	g, i, err := c.endpoint.set.borrowWaiting(c.endpoint.schema)
	if err != nil {
		c.fail(err)
		return
	}
	if !g.Configured().Consumer {
		g.Return(i)
		if export != instance.SocketClose {
			c.fail(errNoConsumer)
		}
		return
	}
	if !g.Has(export) {
		g.Return(i)
		return
	}
	e := effects{ctx: ctx, endpoint: c.endpoint, last: export == instance.SocketClose}
	if err := c.call(ctx, g, i, export, write, &e); err != nil {
		c.fail(err)
		return
	}
	if !e.plain {
		c.endpoint.set.callLayer(c.endpoint, fromWork, func() { c.apply(&e) })
	}
}

// borrowWaiting borrows an instance, and tries again while all are busy: an event
// may wait longer than a request, since nothing more is read from the client meanwhile.
func (set *Set) borrowWaiting(schema string) (*guests.Generation, *instance.Instance, error) {
	for {
		g, i, err := set.guests.BorrowFor(context.Background(), schema)
		if !errors.Is(err, instance.ErrBusy) {
			return g, i, err
		}
	}
}

// call calls the guest and returns the instance. Plain effects are carried out
// from the guest's memory; otherwise e has a copy of the reply for the caller.
func (c *Consumer) call(ctx context.Context, g *guests.Generation, i *instance.Instance, export instance.Export, write func([]byte) int, e *effects) error {
	defer g.Return(i)
	return g.CallFor(ctx, i, &c.endpoint.tenant, export, write, func(reply abi.Message) error {
		if err := e.read(reply); err != nil {
			return instance.InvalidReply(export, err)
		}
		if e.plain {
			c.apply(e)
		}
		return nil
	})
}

// encode begins an event with all fields but its data.
func (c *Consumer) encode(buf []byte, word uint32) abi.Builder {
	b := abi.Begin(buf, word, abi.EventData+1)
	c.endpoint.encode(&b)
	if len(c.state) > 0 {
		b.Put(abi.EventState, c.state)
	}
	if c.channel != nil {
		var name [channel.MaxName]byte
		b.PutBytes(abi.EventChannel, c.channel.AppendName(name[:0]))
	}
	return b
}

// encode puts the fields that all websockets of the endpoint share.
func (ep *endpoint) encode(b *abi.Builder) {
	b.Put(abi.EventRoute, ep.route)
	b.Put(abi.EventSchema, ep.schema)
	if ep.tenantID != "" {
		b.Put(abi.EventTenantID, ep.tenantID)
	}
	b.Put(abi.EventIdentifier, ep.identifier)
}

// encodeHandshake writes an open event.
func encodeHandshake(buf []byte, headers []string, ep *endpoint, r *Request) int {
	b := abi.Begin(buf, 0, abi.EventHeader0+len(headers))
	ep.encode(&b)
	if r.Kwargs != "" {
		b.Put(abi.EventKwargs, r.Kwargs)
	}
	b.Put(abi.EventPath, r.Tenant.Path)
	if len(r.Protocols) > 0 {
		b.Put(abi.EventProtocols, strings.Join(r.Protocols, "\n"))
	}
	for i, name := range headers {
		guests.PutHeader(&b, abi.EventHeader0+i, r.Header.Values(name))
	}
	return guests.Size(&b)
}

// fail closes the websocket after an event that failed. The client gets only the
// code.
func (c *Consumer) fail(err error) {
	code, level := sockets.CodeInternal, slog.LevelError
	set := c.endpoint.set
	interrupted := false
	switch {
	case errors.Is(err, errNoConsumer):
		code, level = sockets.CodeRestart, slog.LevelWarn
		set.restarted.Add(1)
	case errors.Is(err, channel.ErrBroken): // the layer logs it once for all websockets
		code, level, interrupted = sockets.CodeRestart, slog.LevelDebug, true
	case errors.Is(err, channel.ErrLimit):
		code, level = sockets.CodeTryLater, slog.LevelWarn
	case errors.Is(err, instance.ErrTooLarge):
		code, level = sockets.CodeTooBig, slog.LevelDebug
	case errors.Is(err, instance.ErrClosed), errors.Is(err, channel.ErrClosed):
		code, level = sockets.CodeGoingAway, slog.LevelDebug
	default:
		set.failures.Add(1)
	}
	ep := c.endpoint
	set.logger.LogAttrs(context.Background(), level, "a websocket event failed",
		slog.String("schema", ep.schema), slog.String("route", ep.route), slog.Int("code", int(code)), slog.Any("error", err))
	c.failed = true
	// The layer also calls Interrupted: only the first close is counted.
	if c.close(code) && interrupted {
		set.interrupted.Add(1)
	}
}
