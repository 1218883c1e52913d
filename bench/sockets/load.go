// Package sockets measures websocket servers: memory of idle sockets, round trips
// and messages to groups. Each server is a separate process on the loopback
// interface.
//
//	s, err := sockets.Servers()[0].Start(ctx)
//	group, err := sockets.Open(ctx, s.Target, sockets.EchoPath, 100)
//	rate, err := group.Echo(time.Second)
package sockets

import (
	"context"
	"errors"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

// Target is the address of a server, and the host of its tenant.
type Target struct {
	Address, Host string
	TLS           bool
	// Source is the number of the first loopback address that clients dial from.
	// Client processes use different ones, since the ports of one do not suffice.
	Source int
}

// Paths of every server: a message at EchoPath returns to its sender, one at
// GroupPath goes to all sockets there.
const (
	EchoPath  = "/ws/echo/"
	GroupPath = "/ws/group/"
)

// text is the message that clients send, 64 bytes long.
var text = strings.Repeat("x", 64)

// dialers is the number of concurrent handshakes.
const dialers = 32

// Group is a number of sockets at one path.
type Group struct{ clients []*client }

// Open opens n sockets.
func Open(ctx context.Context, t Target, path string, n int) (*Group, error) {
	g := &Group{make([]*client, n)}
	var next atomic.Int64
	errs := make([]error, dialers)
	var wait sync.WaitGroup
	for d := range dialers {
		wait.Go(func() {
			for errs[d] == nil && ctx.Err() == nil {
				i := int(next.Add(1)) - 1
				if i >= n {
					return
				}
				if g.clients[i], errs[d] = dial(ctx, t, path, i); errs[d] == nil && path == GroupPath {
					// A socket is a member once it has received the greeting.
					errs[d] = g.clients[i].receive(1, frameSize(text), make([]byte, frameSize(text)))
				}
			}
		})
	}
	wait.Wait()
	if err := errors.Join(append(errs, ctx.Err())...); err != nil {
		return nil, errors.Join(err, g.Close())
	}
	return g, nil
}

// Close closes the sockets.
func (g *Group) Close() error {
	var errs []error
	for _, c := range g.clients {
		if c != nil { // Open may have failed
			errs = append(errs, c.conn.Close())
		}
	}
	return errors.Join(errs...)
}

// Echo makes every socket send a message as soon as the previous one has come
// back, and returns the number of round trips per second.
func (g *Group) Echo(length time.Duration) (perSecond float64, err error) {
	errs := make([]error, len(g.clients))
	var count atomic.Int64
	start := time.Now()
	end := start.Add(length)
	var wait sync.WaitGroup
	for i, c := range g.clients {
		wait.Go(func() {
			out, buf := frame(text), make([]byte, frameSize(text))
			n := int64(0)
			for time.Now().Before(end) && errs[i] == nil {
				if errs[i] = c.write(out); errs[i] == nil {
					errs[i] = c.receive(1, frameSize(text), buf)
				}
				n++
			}
			count.Add(n)
		})
	}
	wait.Wait()
	return float64(count.Load()) / time.Since(start).Seconds(), errors.Join(errs...)
}

// FanOut makes one socket send messages to the group, with a number of them
// outstanding, and returns how many messages per second all sockets received
// together. It fails unless every socket receives every message.
func (g *Group) FanOut(outstanding int, length time.Duration) (perSecond float64, err error) {
	batch := max(16, 4*outstanding)
	start, batches := time.Now(), 0
	for ; batches == 0 || time.Since(start) < length; batches++ {
		errs := make([]error, len(g.clients))
		var wait sync.WaitGroup
		for i, c := range g.clients[1:] {
			wait.Go(func() { errs[1+i] = c.receive(batch, frameSize(text), make([]byte, 8*frameSize(text))) })
		}
		if errs[0] = g.clients[0].send(batch, outstanding); errs[0] != nil {
			return 0, errors.Join(errs[0], g.Close()) // the other sockets would wait forever
		}
		// Closing the sockets ends a wait for messages that were lost.
		late := time.AfterFunc(timeout, func() { _ = g.Close() })
		wait.Wait()
		late.Stop()
		if err := errors.Join(errs...); err != nil {
			return 0, err
		}
	}
	return float64(batches*batch*len(g.clients)) / time.Since(start).Seconds(), nil
}

// send sends messages to the client's own group. Each message that it receives
// allows it to send another.
func (c *client) send(messages, outstanding int) error {
	out, buf := frame(text), make([]byte, frameSize(text))
	for n := range messages + outstanding {
		if n >= outstanding {
			if err := c.receive(1, frameSize(text), buf); err != nil {
				return err
			}
		}
		if n < messages {
			if err := c.write(out); err != nil {
				return err
			}
		}
	}
	return nil
}
